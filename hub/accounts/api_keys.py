"""API keys, as their owners and administrators manage them."""

from datetime import UTC, datetime
from typing import Final

from hub.accounts.api_key_store import ApiKeyRow, ApiKeyStore
from hub.accounts.service import AccountService
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore
from hub.accounts.tokens import API_KEY_PREFIX, hash_secret, new_secret
from hub.audit.entries import LONGEST_TARGET, audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Escalation, Forbidden, NotFound, TooMany, invalid
from hub.base.holding import Grant
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal, Role
from hub.base.visible import require_visible
from hub.rights.access import grant_to_key, may_everywhere
from hub.rights.memory import RightsMemory
from protocol.ids import uuid7

SHOWN: Final = len(API_KEY_PREFIX) + 6
"""Characters of a key's secret that people know it by."""
MOST_KEYS: Final = 20
"""API keys of one user."""
MAKES_SERVICES: Final = "service-accounts:create"


class ApiKeyService:
    def __init__(
        self,
        store: ApiKeyStore,
        people: AccountStore,
        accounts: AccountService,
        rights: RightsMemory,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._people = people
        self._accounts = accounts
        self._rights = rights
        self._audit = audit

    async def create(
        self,
        by: Principal,
        name: str,
        role: Role,
        expires_at: datetime | None,
        *,
        service_account: str | None = None,
    ) -> tuple[ApiKeyRow, str]:
        """(key, secret): the secret is not kept. Raises `Forbidden` for a key (keys make no keys),
        `Escalation` for a role above one's own, `NotFound`, `TooMany`."""
        session_of(by)
        require_visible(name, "name")
        if service_account is not None and not may_everywhere(by, MAKES_SERVICES):
            raise Forbidden("you may not make keys of service accounts")
        await self._require_grantable(by, grant_to_key(role), name, role)
        if expires_at is not None and expires_at.timestamp() <= self._accounts.clock():
            raise invalid("expiresAt", "must be in the future")
        secret = new_secret(API_KEY_PREFIX)
        owner = service_account or by.subject
        key = ApiKeyRow(
            key_id=uuid7(),
            user_id=owner,
            name=name,
            role=role,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
            prefix=secret[:SHOWN],
        )
        async with self._store.database.transaction() as connection:
            locked = await self._people.lock_user(connection, by.org, owner)
            if locked is None:
                raise NotFound("no such user")
            if service_account is not None and locked[0].kind != "service":
                raise NotFound("no such service account")
            if await self._store.count(connection, by.org, owner) >= MOST_KEYS:
                raise TooMany(f"a user may have {MOST_KEYS} API keys: delete one")
            made = await self._store.add(connection, by.org, key, hash_secret(secret))
            await self._audit.record(
                connection, audit_entry(by, "api_key.create", made.key_id, role=role, name=name)
            )
        return made, secret

    async def _require_grantable(self, by: Principal, grant: Grant, name: str, role: Role) -> None:
        if not await self._rights.covers(by, grant):
            entry = audit_entry(by, "api_key.create", None, outcome="refused", role=role, name=name)
            await self._audit.note(entry)
            raise Escalation("an API key cannot have a higher role than its owner")

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[ApiKeyRow]:
        """One's own, an administrator everybody's; a key sees itself."""
        rows = await self._store.list(
            by.org,
            owner=None if may_everywhere(by, "api-keys:list") else by.subject,
            key_id=by.key_id,
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.key_id), item=lambda row: row
        )

    async def delete(self, by: Principal, key_id: str) -> None:
        """One's own, an administrator anybody's; a key ends itself. Raises `NotFound`, and
        `Forbidden` for a key that would end another."""
        if by.key_id is not None and by.key_id != key_id:
            target = key_id[:LONGEST_TARGET]
            await self._audit.note(audit_entry(by, "api_key.delete", target, outcome="refused"))
            raise Forbidden("an API key cannot delete another key")
        async with self._store.database.tenant(by.org).transaction() as connection:
            owner = await self._store.owner(connection, by.org, key_id)
            if owner is None or not (owner == by.subject or may_everywhere(by, "api-keys:delete")):
                raise NotFound("no such API key")
            name = await self._store.delete(connection, by.org, key_id)
            await self._people.rights_changed(connection, by.org, [key_id])
            await self._audit.record(
                connection, audit_entry(by, "api_key.delete", key_id, name=name)
            )
