"""What an administrator sets for the whole organisation while replicas are at work.

It is stored in Postgres and read at each use, so that it counts on every replica at once. A
variable of the environment goes over what is stored, on the replica that has it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import UNSET, structs

from hub.accounts.installation_store import InstallationStore
from hub.accounts.org_settings import PREFIX, OrgSettings, settled, shown_settings
from hub.accounts.provider_store import ProviderStore
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore
from hub.accounts.tokens import new_secret
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.awaiting import Awaiting
from hub.base.database import Connection
from hub.base.errors import Conflict, invalid
from hub.base.principal import Principal, Reenroll
from hub.base.retention import EVERYTHING, Retention, ShownFor, shortened, too_long
from hub.base.settings import Settings
from hub.rights.asked import SETTINGS, AdminFactor, satisfies
from hub.rights.catalogue import is_command
from hub.rights.guarded import (
    APPROVALS,
    BLAST_RADIUS,
    NO_PATCH,
    GuardedPatch,
    adds,
    guarded_of,
    patched,
    weakens,
)
from hub.rights.guarded import SETTINGS as GUARDED
from hub.rights.memory import EVERYBODY
from protocol.ids import DEFAULT_ORG, OrgId


class SecondPerson(Protocol):
    """A floor above that keeps calls until another account has approved them."""

    async def another_could(self, by: Principal, resources: Sequence[str]) -> bool:
        """Whether another account could approve such commands."""
        ...

    async def hold(self, by: Principal, patch: GuardedPatch) -> Awaiting:
        """Raises `Conflict` where nobody else could approve it."""
        ...


class OrganisationService:
    def __init__(
        self,
        store: InstallationStore,
        people: AccountStore,
        sessions: SessionStore,
        providers: ProviderStore,
        accounts: AccountService,
        audit: AuditService,
        environment: Settings,
    ) -> None:
        self._store = store
        self._people = people
        self._sessions = sessions
        self._providers = providers
        self._accounts = accounts
        self._audit = audit
        self._environment = environment
        self._second_person: SecondPerson | None = None

    def guard_by(self, second_person: SecondPerson) -> None:
        """Have what weakens the settings of dispatch wait, before the first change."""
        self._second_person = second_person

    async def settings(self, org: OrgId) -> OrgSettings:
        stored = await self._stored(org)
        return self._settled(org, stored, await self._kept(org))

    async def shown_for(self, org: OrgId) -> ShownFor:
        """What an organisation does not want to be shown any more."""
        return EVERYTHING if org == DEFAULT_ORG else _shown_for(await self._stored(org))

    async def _stored(self, org: OrgId) -> Mapping[str, Any]:
        async with self._store.database.tenant(org).transaction() as connection:
            return await self._store.settings(connection, org)

    async def _kept(self, org: OrgId) -> Retention | None:
        """The installation's retention, for an organisation that has none of its own."""
        if org == DEFAULT_ORG:
            return None
        return settled(await self._stored(DEFAULT_ORG), self._environment).retention

    def _settled(
        self, org: OrgId, stored: Mapping[str, Any], kept: Retention | None
    ) -> OrgSettings:
        found = settled(stored, self._environment)
        if kept is None:
            return found
        shown = shortened(kept, _shown_for(stored))
        return structs.replace(found, retention=shown, overridden=_enrolling(found.overridden))

    async def living(self) -> list[OrgId]:
        """The organisations that there are."""
        return await self._store.living()

    async def config_rate(self, org: OrgId) -> int:
        """Devices of a group a minute."""
        return (await self.settings(org)).config_rate_per_minute

    async def change(
        self,
        by: Principal,
        *,
        auto_enroll: bool | None = None,
        reenroll: Reenroll | None = None,
        config_rate: int | None = None,
        auto_resolve: int | None = None,
        admin_factor: AdminFactor | None = None,
        provider_required: bool | None = None,
        guarded: GuardedPatch = NO_PATCH,
        approved: bool = False,
        keep: Mapping[str, int] | None = None,
    ) -> OrgSettings | Awaiting:
        """`keep`: what changes of the retention, by the fields of `Retention`: in `default` that
        of the installation; in another organisation, for how long it is shown what there is.
        Raises `Conflict` for more than there is, and where what would be asked of others is
        not there, or was not shown by the caller. What weakens `guarded` waits, unless it is
        `approved`: in a call of its own."""
        kept = await self._kept(by.org)
        _require_shorter(kept, keep or {})
        wanted: dict[str, object] = {PREFIX + field: value for field, value in (keep or {}).items()}
        given = {
            "auto_enroll": auto_enroll,
            "reenroll": reenroll,
            "config_rate": config_rate,
            "auto_resolve_seconds": auto_resolve,
            "admin_factor": admin_factor,
            "provider_required": provider_required,
        }
        wanted |= {name: value for name, value in given.items() if value is not None}
        if provider_required and not await self._providers.of_org(by.org):
            raise Conflict("there is no provider to sign in by: make one first")
        could = await self._another_could(by, guarded)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if admin_factor is not None:
                await self._require_shown(connection, by, admin_factor)
            stored = await self._store.settings(connection, by.org)
            more = await self._guarding(connection, by.org, guarded, approved=approved, could=could)
            if more is None and wanted:
                raise Conflict("change what weakens approvals or caps in a call of its own")
            wanted |= more or {}
            before = shown_settings(self._settled(by.org, stored, kept))
            for name, value in wanted.items():
                await self._store.put_setting(connection, by.org, name, value)
            after = shown_settings(
                self._settled(by.org, await self._store.settings(connection, by.org), kept)
            )
            entry = audit_entry(by, "settings.update", None, changes=changes_of(before, after))
            if wanted.keys() & _REMEMBERED:
                await self._people.rights_changed(connection, by.org, [EVERYBODY])
            if more is not None:
                await self._audit.record(connection, entry)
        if more is None:
            return await self._second().hold(by, guarded)
        if wanted.keys() & _REMEMBERED:
            await self._accounts.refresh()
        return await self.settings(by.org)

    async def _guarding(
        self,
        connection: Connection,
        org: OrgId,
        patch: GuardedPatch,
        *,
        approved: bool,
        could: bool,
    ) -> dict[str, object] | None:
        """What to store of it; None when it has to be approved first."""
        if patch == NO_PATCH:
            return {}
        await self._store.lock_guarded(connection, org)
        old = guarded_of(await self._store.settings(connection, org))
        new = patched(old, patch)
        if weakens(old, new) and not approved:
            return None
        if adds(old, new) and not could:
            raise Conflict("there is no other account that could approve such a command")
        changed = {APPROVALS: new.approvals, BLAST_RADIUS: new.blast_radius}
        return msgspec.to_builtins(changed) if old != new else {}

    async def _another_could(self, by: Principal, guarded: GuardedPatch) -> bool:
        resources = guarded.resources
        if resources is UNSET or not resources:
            return True
        for at, each in enumerate(resources):
            if not is_command(each):
                raise invalid(f"approvals.resources[{at}]", f"there is no command {each}")
        return await self._second().another_could(by, resources)

    def _second(self) -> SecondPerson:
        if self._second_person is None:
            raise AssertionError("settings of dispatch belong to a hub that dispatches")
        return self._second_person

    async def _require_shown(
        self, connection: Connection, by: Principal, factor: AdminFactor
    ) -> None:
        """Nobody asks of others what the own session has not shown: it would shut out whoever sets
        it. Raises `Conflict`; `Forbidden` for an API key."""
        shown = await self._sessions.shown_in(connection, by.org, session_of(by))
        if shown is None or not satisfies(shown, factor):
            name = "a passkey" if factor == "passkey" else "a second factor"
            raise Conflict(f"sign in with {name} yourself first: then ask others for it")

    async def new_enrollment_key(self, by: Principal) -> str:
        """The old one is dead at once; tokens of devices stay valid."""
        key = new_secret()
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.put_enrollment_key(connection, by.org, key)
            await self._audit.record(connection, audit_entry(by, "settings.enrollment_key"))
        return key


_REMEMBERED: Final = {*SETTINGS, *GUARDED}
_FIELDS: Final = {field.name: field.encode_name for field in structs.fields(Retention)}


def _require_shorter(kept: Retention | None, keep: Mapping[str, int]) -> None:
    longest = None if kept is None else too_long(kept, keep)
    if longest is not None:
        name = _FIELDS[longest]
        raise Conflict(
            f"retention.{name}: {getattr(kept, longest)} is the installation's;"
            " an organisation may be shown less"
        )


def _shown_for(stored: Mapping[str, Any]) -> ShownFor:
    return ShownFor(**{name: stored.get(PREFIX + name) for name in ShownFor.__struct_fields__})


def _enrolling(overridden: list[str]) -> list[str]:
    """What the environment decides for every organisation: how long things are shown it does
    not."""
    return [name for name in overridden if not name.startswith("retention.")]
