"""What an administrator sets for the whole organisation while replicas are at work.

It is stored in Postgres and read at each use, so that it counts on every replica at once. A
variable of the environment goes over what is stored, on the replica that has it.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import structs

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
from hub.base.database import Connection
from hub.base.errors import Conflict
from hub.base.principal import Principal, Reenroll
from hub.base.retention import EVERYTHING, Retention, ShownFor, shortened, too_long
from hub.base.settings import Settings
from hub.rights.asked import SETTINGS, AdminFactor, satisfies
from hub.rights.memory import EVERYBODY
from protocol.ids import DEFAULT_ORG, OrgId


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
        admin_factor: AdminFactor | None = None,
        provider_required: bool | None = None,
        keep: Mapping[str, int] | None = None,
    ) -> OrgSettings:
        """`keep`: what changes of the retention, by the fields of `Retention`: in `default` that
        of the installation; in another organisation, for how long it is shown what there is.
        Raises `Conflict` for more than there is, and where what would be asked of others is
        not there, or was not shown by the caller."""
        kept = await self._kept(by.org)
        longest = None if kept is None else too_long(kept, keep or {})
        if longest is not None:
            name = _FIELDS[longest]
            raise Conflict(
                f"retention.{name}: {getattr(kept, longest)} is the installation's;"
                " an organisation may be shown less"
            )
        wanted: dict[str, object] = {PREFIX + field: value for field, value in (keep or {}).items()}
        given = {
            "auto_enroll": auto_enroll,
            "reenroll": reenroll,
            "config_rate": config_rate,
            "admin_factor": admin_factor,
            "provider_required": provider_required,
        }
        wanted |= {name: value for name, value in given.items() if value is not None}
        if provider_required and not await self._providers.of_org(by.org):
            raise Conflict("there is no provider to sign in by: make one first")
        async with self._store.database.tenant(by.org).transaction() as connection:
            if admin_factor is not None:
                await self._require_shown(connection, by, admin_factor)
            before = shown_settings(
                self._settled(by.org, await self._store.settings(connection, by.org), kept)
            )
            for name, value in wanted.items():
                await self._store.put_setting(connection, by.org, name, value)
            after = shown_settings(
                self._settled(by.org, await self._store.settings(connection, by.org), kept)
            )
            entry = audit_entry(by, "settings.update", None, changes=changes_of(before, after))
            if wanted.keys() & set(SETTINGS):
                await self._people.rights_changed(connection, by.org, [EVERYBODY])
            await self._audit.record(connection, entry)
        if wanted.keys() & set(SETTINGS):
            await self._accounts.refresh()
        return await self.settings(by.org)

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


_FIELDS: Final = {field.name: field.encode_name for field in structs.fields(Retention)}


def _shown_for(stored: Mapping[str, Any]) -> ShownFor:
    return ShownFor(**{name: stored.get(PREFIX + name) for name in ShownFor.__struct_fields__})


def _enrolling(overridden: list[str]) -> list[str]:
    """What the environment decides for every organisation: how long things are shown it does
    not."""
    return [name for name in overridden if not name.startswith("retention.")]
