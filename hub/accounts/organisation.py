"""What an administrator sets for the whole organisation while replicas are at work.

It is stored in Postgres and read at each use, so that it counts on every replica at once. A
variable of the environment goes over what is stored, on the replica that has it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.accounts.store import AccountStore
from hub.accounts.tokens import new_secret
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.errors import Conflict
from hub.base.principal import Principal, Reenroll
from hub.base.retention import Retention
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
    def __init__(self, store: AccountStore, audit: AuditService, environment: Settings) -> None:
        self._store = store
        self._audit = audit
        self._environment = environment

    async def settings(self, org: OrgId) -> OrgSettings:
        async with self._store.database.tenant(org).transaction() as connection:
            stored = await self._store.settings(connection, org)
        return settled(stored, self._environment)

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
        """`keep`: what changes of the retention, by the fields of `Retention`: that is of the whole
        installation. Raises `Conflict` where it is not set."""
        if keep and by.org != DEFAULT_ORG:
            raise Conflict("retention is the installation's: set it in the organisation default")
        wanted: dict[str, object] = {PREFIX + field: value for field, value in (keep or {}).items()}
        if auto_enroll is not None:
            wanted["auto_enroll"] = auto_enroll
        if reenroll is not None:
            wanted["reenroll"] = reenroll
        if config_rate is not None:
            wanted["config_rate"] = config_rate
        async with self._store.database.tenant(by.org).transaction() as connection:
            before = _shown(
                settled(await self._store.settings(connection, by.org), self._environment)
            )
            for name, value in wanted.items():
                await self._store.put_setting(connection, by.org, name, value)
            after = _shown(
                settled(await self._store.settings(connection, by.org), self._environment)
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


def _shown(settings: OrgSettings) -> dict[str, object]:
    """Field by field, as REST names them."""
    shown = msgspec.to_builtins(settings)
    return {
        "autoEnroll": shown["autoEnroll"],
        "reenroll": shown["reenroll"],
        "configRatePerMinute": shown["configRatePerMinute"],
        **{f"retention.{name}": value for name, value in shown["retention"].items()},
    }
