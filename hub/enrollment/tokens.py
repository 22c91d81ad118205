"""Enrolment tokens: each lets some devices in, as long as who made it may make one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from hub.accounts.service import AccountService
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.enrollment.records import EnrollmentToken, Maker
from hub.enrollment.store import EnrollmentStore
from hub.groups.service import GroupService
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId, uuid7

PREFIX: Final = "lle_"
MAKES: Final = "enrollment-tokens:create"
NO_SUCH_TOKEN: Final = "no such enrolment token"  # noqa: S105


class EnrollmentTokens:
    def __init__(
        self,
        store: EnrollmentStore,
        accounts: AccountService,
        audit: AuditService,
        groups: GroupService,
        rights: RightsMemory,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._groups = groups
        self._rights = rights

    async def list(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[EnrollmentToken]:
        rows = await self._store.tokens(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.token_id), item=lambda row: row
        )

    async def create(
        self,
        by: Principal,
        name: str,
        *,
        max_uses: int | None,
        expires_at: datetime | None,
        group_ids: Sequence[str],
        labels: Mapping[str, str],
        approval: bool,
    ) -> tuple[EnrollmentToken, str]:
        """(the token's record, the token, which is not kept). Raises `Invalid`, `NotFound` for a
        group, `Escalation`."""
        require_visible(name, "name")
        if expires_at is not None and expires_at <= datetime.fromtimestamp(
            self._accounts.clock(), UTC
        ):
            raise invalid("expiresAt", "must be in the future")
        groups = list(dict.fromkeys(group_ids))
        await self._groups.require_admitting(by, groups, action="enrollment_token.create")
        secret = new_secret(PREFIX)
        async with self._store.database.tenant(by.org).transaction() as connection:
            made = await self._store.add_token(
                connection,
                by.org,
                uuid7(),
                hash_secret(secret),
                name=name,
                max_uses=max_uses,
                expires_at=expires_at,
                group_ids=groups,
                labels=labels,
                approval=approval,
                maker=_maker(by),
            )
            await self._audit.record(
                connection,
                audit_entry(
                    by,
                    "enrollment_token.create",
                    made.token_id,
                    name=name,
                    maxUses=max_uses,
                    approval=approval,
                    groupIds=groups,
                    labels=dict(labels),
                ),
            )
        return made, secret

    async def take_over(self, by: Principal, token_id: str) -> EnrollmentToken:
        """From now on it admits devices while the caller may make one. Raises `NotFound`,
        `Escalation`."""
        token = await self._store.token(by.org, token_id)
        if token is None:
            raise NotFound(NO_SUCH_TOKEN)
        action = "enrollment_token.take_over"
        await self._groups.require_admitting(by, token.group_ids, action=action, gone_is_fine=True)
        async with self._store.database.tenant(by.org).transaction() as connection:
            taken = await self._store.take_over(connection, by.org, token_id, _maker(by))
            if taken is None:
                raise NotFound(NO_SUCH_TOKEN)
            await self._audit.record(
                connection,
                audit_entry(by, action, token_id, name=taken.name),
            )
        return taken

    async def delete(self, by: Principal, token_id: str) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            name = await self._store.delete_token(connection, by.org, token_id)
            if name is None:
                raise NotFound(NO_SUCH_TOKEN)
            await self._audit.record(
                connection, audit_entry(by, "enrollment_token.delete", token_id, name=name)
            )

    async def may_admit(self, token: EnrollmentToken) -> bool:
        """Whether its maker may make one now (G23)."""
        maker = token.maker
        rights = await self._rights.owner(
            token.org, maker.kind, maker.subject, maker.key_id, self._accounts.clock()
        )
        return rights.everywhere(MAKES)


def _maker(by: Principal) -> Maker:
    return Maker(by.kind, by.subject, by.key_id, by.actor)
