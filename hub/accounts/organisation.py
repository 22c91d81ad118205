"""What an administrator sets for the whole organisation while replicas are at work.

It is stored in Postgres and read at each use, so that it counts on every replica at once. A
variable of the environment goes over what is stored, on the replica that has it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from hub.accounts.installation_store import InstallationStore
from hub.accounts.tokens import new_secret
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.errors import Conflict
from hub.base.principal import Principal, Reenroll
from hub.base.retention import EVERYTHING, HIDEABLE, Retention, ShownFor, shortened, too_long
from hub.base.settings import Settings
from protocol.ids import DEFAULT_ORG, OrgId

PREFIX: Final = "keep_"
"""Of the stored names, and of the variables, that are about retention."""
DEFAULT_CONFIG_RATE: Final = 60


class OrgSettings(Struct, frozen=True, kw_only=True, rename="camel"):
    auto_enroll: bool
    """Whether unknown devices that show the enrolment key are registered."""
    reenroll: Reenroll
    """Whether a known device that shows the enrolment key gets a new token: while it has no line
    and had none for a minute, always, or never."""
    config_rate_per_minute: int
    """How many devices of a group get what it gives of the configuration, each minute."""
    retention: Retention
    overridden: list[str]
    """What the environment of the answering replica decides: `autoEnroll`, `retention.logDays`…"""


def settled(stored: Mapping[str, Any], environment: Settings) -> OrgSettings:
    """What counts, of what is stored and what the environment says."""
    auto = environment.auto_enroll
    overridden = [] if auto is None else ["autoEnroll"]
    kept: dict[str, int] = {}
    for field in msgspec.structs.fields(Retention):
        name = PREFIX + field.name
        by_variable: int | None = getattr(environment, name)
        if by_variable is not None:
            overridden.append(f"retention.{field.encode_name}")
            kept[field.name] = by_variable
        elif name in stored:
            kept[field.name] = stored[name]
    return OrgSettings(
        auto_enroll=bool(stored.get("auto_enroll", False) if auto is None else auto),
        reenroll=stored.get("reenroll", "offline"),
        config_rate_per_minute=stored.get("config_rate", DEFAULT_CONFIG_RATE),
        retention=Retention(**kept),
        overridden=overridden,
    )


class OrganisationService:
    def __init__(
        self, store: InstallationStore, audit: AuditService, environment: Settings
    ) -> None:
        self._store = store
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
        keep: Mapping[str, int] | None = None,
    ) -> OrgSettings:
        """`keep`: what changes of the retention, by the fields of `Retention`: in `default` that
        of the installation; in another organisation, for how long it is shown what there is.
        Raises `Conflict` for more than there is."""
        kept = await self._kept(by.org)
        longest = None if kept is None else too_long(kept, keep or {})
        if longest is not None:
            name = _FIELDS[longest]
            raise Conflict(
                f"retention.{name}: an organisation may shorten "
                f"{', '.join(_FIELDS[each] for each in sorted(HIDEABLE))}; "
                "more is the installation's"
            )
        wanted: dict[str, object] = {PREFIX + field: value for field, value in (keep or {}).items()}
        if auto_enroll is not None:
            wanted["auto_enroll"] = auto_enroll
        if reenroll is not None:
            wanted["reenroll"] = reenroll
        if config_rate is not None:
            wanted["config_rate"] = config_rate
        async with self._store.database.tenant(by.org).transaction() as connection:
            before = _shown(
                self._settled(by.org, await self._store.settings(connection, by.org), kept)
            )
            for name, value in wanted.items():
                await self._store.put_setting(connection, by.org, name, value)
            after = _shown(
                self._settled(by.org, await self._store.settings(connection, by.org), kept)
            )
            entry = audit_entry(by, "settings.update", None, changes=changes_of(before, after))
            await self._audit.record(connection, entry)
        return await self.settings(by.org)

    async def new_enrollment_key(self, by: Principal) -> str:
        """The old one is dead at once; tokens of devices stay valid."""
        key = new_secret()
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.put_enrollment_key(connection, by.org, key)
            await self._audit.record(connection, audit_entry(by, "settings.enrollment_key"))
        return key


_FIELDS: Final = {field.name: field.encode_name for field in structs.fields(Retention)}


def _shown_for(stored: Mapping[str, Any]) -> ShownFor:
    return ShownFor(**{name: stored.get(PREFIX + name) for name in HIDEABLE})


def _enrolling(overridden: list[str]) -> list[str]:
    """What the environment decides for every organisation: how long things are shown it does
    not."""
    return [name for name in overridden if not name.startswith("retention.")]


def _shown(settings: OrgSettings) -> dict[str, object]:
    """Field by field, as REST names them."""
    shown = msgspec.to_builtins(settings)
    return {
        "autoEnroll": shown["autoEnroll"],
        "reenroll": shown["reenroll"],
        "configRatePerMinute": shown["configRatePerMinute"],
        **{f"retention.{name}": value for name, value in shown["retention"].items()},
    }
