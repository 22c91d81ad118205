"""Providers of sign-in, as administrators manage them, and as a page to sign in shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from hub.accounts.installation_store import InstallationStore
from hub.accounts.provider_store import ProviderKind, ProviderRow, ProviderStore
from hub.accounts.providers import (
    MOST_PROVIDERS,
    PLACE_OF,
    SECRET_OF,
    ProviderSettings,
    settings_of,
)
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore
from hub.audit.entries import HIDDEN, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.destinations import Destinations
from hub.base.errors import Forbidden, NotFound, PublicUrlMissing, TooMany, invalid
from hub.base.principal import Principal
from hub.base.visible import require_visible
from protocol.ids import OrgId, uuid7

NO_PROVIDER: Final = "no such provider"
NO_URL: Final = "set LONGLINE_PUBLIC_URL: a provider sends people back to it"


class ProviderChange(Struct, frozen=True):
    """What somebody gives of a provider."""

    name: str | None
    secret: str | None
    fields: Mapping[str, Any]
    """Of its kind, without the secret."""


class ProviderService:
    """`url` is what links begin with."""

    def __init__(
        self,
        store: ProviderStore,
        accounts: AccountStore,
        people: AccountService,
        sessions: SessionStore,
        installation: InstallationStore,
        audit: AuditService,
        allowed: Destinations,
        *,
        url: str | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._people = people
        self._sessions = sessions
        self._installation = installation
        self._audit = audit
        self._allowed = allowed
        self._url = url

    async def shown(self, org: OrgId) -> list[tuple[ProviderRow, str | None]]:
        """By which people sign in to an organisation, each with where its page begins."""
        rows = await self._store.of_org(org)
        return [
            (row, self.start_url(row))
            for row in rows
            if row.kind == "ldap" or self._url is not None
        ]

    def start_url(self, provider: ProviderRow) -> str | None:
        if provider.kind != "oidc" or self._url is None:
            return None
        return f"{self._url}/api/v1/auth/oidc/{provider.provider_id}/start"

    async def get(self, by: Principal, provider_id: str) -> ProviderRow:
        """One of the caller's organisation, or of the installation. Raises `NotFound`."""
        found = await self._store.get(provider_id)
        if found is None or found.org not in (None, by.org):
            raise NotFound(NO_PROVIDER)
        return found

    async def create(
        self, by: Principal, kind: ProviderKind, change: ProviderChange, *, installation: bool
    ) -> ProviderRow:
        """Raises `Invalid`, `TooMany`, `PublicUrlMissing`; `Forbidden` for one of the installation
        by who does not administer it."""
        session_of(by)
        if kind == "oidc" and self._url is None:
            raise PublicUrlMissing(NO_URL)
        if installation:
            _require_instance(by)
        name = _named(change.name)
        settings = settings_of(kind, change.fields, self._allowed)
        if kind == "ldap" and not change.secret:
            raise invalid(SECRET_OF[kind], "is missing")
        async with self._store.database.transaction() as connection:
            await self._installation.lock_setup(connection)
            org = None if installation else by.org
            if await self._store.count(connection, org) >= MOST_PROVIDERS:
                raise TooMany(f"there may be {MOST_PROVIDERS} providers")
            made = await self._store.add(
                connection,
                ProviderRow(
                    provider_id=uuid7(),
                    org=org,
                    kind=kind,
                    name=name,
                    settings=stored(settings),
                    secret=change.secret,
                    created_at=_NEVER,
                ),
            )
            entry = audit_entry(
                by, "provider.create", made.provider_id, name=name, kind=kind,
                settings=made.settings, installation=installation,
            )  # fmt: skip
            await self._audit.record(connection, entry)
        return made

    async def change(self, by: Principal, provider_id: str, change: ProviderChange) -> ProviderRow:
        """Raises `Invalid`, also for another place without the secret that goes there: whoever
        changes the one shall not learn the other."""
        await self._mine(by, provider_id)
        async with self._store.database.transaction() as connection:
            was = await self._store.lock(connection, provider_id)
            if was is None:
                raise NotFound(NO_PROVIDER)
            fields = {**was.settings, **change.fields}
            settings = settings_of(was.kind, fields, self._allowed)
            place = PLACE_OF[was.kind]
            if fields[place] != was.settings[place] and was.secret and not change.secret:
                raise invalid(SECRET_OF[was.kind], f"is missing: another {place} needs it anew")
            wanted = structs.replace(
                was,
                name=was.name if change.name is None else _named(change.name),
                settings=stored(settings),
                secret=change.secret or was.secret,
            )
            now = await self._store.put(connection, wanted)
            changes = changes_of(
                {"name": was.name, **was.settings}, {"name": now.name, **now.settings}
            )
            if change.secret:
                changes[SECRET_OF[was.kind]] = (HIDDEN, HIDDEN)
            await self._audit.record(
                connection, audit_entry(by, "provider.update", provider_id, changes=changes)
            )
        return now

    async def delete(self, by: Principal, provider_id: str) -> None:
        """With whom it names, and the sessions that began by it."""
        await self._mine(by, provider_id)
        async with self._store.database.transaction() as connection:
            await self._store.lock(connection, provider_id)  # nobody signs in by it meanwhile
            sessions = await self._store.sessions(connection, provider_id)
            for each in sessions:
                await self._accounts.lock_user(connection, each.org, each.user_id)
            for each in sessions:
                await self._sessions.end_session(connection, each.org, each.session_id)
            await self._store.delete(connection, provider_id)
            await self._audit.record(
                connection,
                audit_entry(by, "provider.delete", provider_id, sessionsEnded=len(sessions)),
            )
        await self._people.refresh()

    async def _mine(self, by: Principal, provider_id: str) -> None:
        """Raises `NotFound`, `Forbidden`."""
        session_of(by)
        if (await self.get(by, provider_id)).org is None:
            _require_instance(by)


_NEVER: Final = datetime.fromtimestamp(0, UTC)
"""The database says when."""


def stored(settings: ProviderSettings) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(settings)
    return found


def _require_instance(by: Principal) -> None:
    if not by.instance_admin:
        raise Forbidden("only who administers the installation changes its providers")


def _named(name: str | None) -> str:
    if not name:
        raise invalid("name", "is missing")
    require_visible(name, "name")
    return name
