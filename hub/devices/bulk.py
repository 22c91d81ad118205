"""What is done to many devices in one call: each by itself, also in the audit.

Which they are is settled once, by their ids or by a query, and each is asked for: the caller needs
the right to what is done over that very device.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

from hub.accounts.service import AccountService
from hub.audit.entries import AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Forbidden, Invalid, NotFound, invalid
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.base.zones import require_own_zone
from hub.devices.labels import merged
from hub.devices.service import Settle
from hub.devices.store import Described, DeviceFilter, DeviceStore
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from protocol.ids import DeviceId, DeviceKey, OrgId

AT_ONCE: Final = 1_000
"""Devices of one transaction: others want their rows, too."""
MOST: Final = 10_000
Changes = dict[str, tuple[object, object]]
"""Of each field, from what to what."""
Deed = Literal["delete", "quarantine", "release", "set"]
RIGHTS: Final[Mapping[Deed, str]] = {
    "delete": "devices:delete",
    "quarantine": "devices/quarantine:update",
    "release": "devices/quarantine:update",
    "set": "devices:update",
}


class BulkChange(Struct, frozen=True, kw_only=True):
    """What is done. `labels` are merged; None takes one away, or the time zone; `name` is for one
    device."""

    deed: Deed
    labels: Mapping[str, str | None] = {}
    name: str | None = None
    timezone: str | UnsetType | None = UNSET
    reason: str = "by a call for many devices"


class RefusedDevice(Struct, frozen=True, rename="camel"):
    device_id: DeviceId
    code: str


class Sorted(Struct, frozen=True):
    """The devices of a call, each once, in the order in which they were named or found."""

    known: list[DeviceId]
    refused: list[RefusedDevice]


class BulkService:
    def __init__(
        self,
        store: DeviceStore,
        accounts: AccountService,
        audit: AuditService,
        queries: QueryService,
        rights: RightsMemory,
        settle: Settle,
        hint_quarantine: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._settle = settle
        self._accounts = accounts
        self._audit = audit
        self._queries = queries
        self._rights = rights
        self._hint_quarantine = hint_quarantine

    async def found(self, org: OrgId, query: str) -> list[DeviceId]:
        """Raises `Invalid` for a wrong query, and for one that means too many."""
        wanted = DeviceFilter(query=await self._queries.read(org, query))
        ids = await self._store.ids(org, wanted, limit=MOST + 1)
        if len(ids) > MOST:
            raise invalid("query", f"it means more than {MOST} devices")
        return ids

    async def sort(self, by: Principal, deed: Deed, device_ids: Sequence[DeviceId]) -> Sorted:
        """Over which of these the caller may do it. Raises `Forbidden` where he may over none."""
        right = RIGHTS[deed]
        if not by.rights.anywhere(right):
            raise Forbidden(f"this needs the right {right}")
        once = list(dict.fromkeys(device_ids))
        known = await self._store.known(by.org, [*once])
        there = [each for each in once if each in known]
        mine = set(await self._rights.within(by.org, by.rights.reaches(right), there))
        refused = [
            RefusedDevice(each, str((Forbidden if each in known else NotFound).code))
            for each in once
            if each not in mine
        ]
        return Sorted([each for each in once if each in mine], refused)

    async def apply(
        self, by: Principal, change: BulkChange, wanted: Sorted, *, confirm: int | None
    ) -> Sorted:
        """`known` are the devices that this call has changed. Ended by `Unavailable`, it may have
        changed some. Raises `Invalid`."""
        _require_valid(change, wanted, confirm)
        changed: set[DeviceId] = set()
        refused = list(wanted.refused)
        try:
            for first in range(0, len(wanted.known), AT_ONCE):
                some = wanted.known[first : first + AT_ONCE]
                done = await self._done(by, some, change)
                changed.update(done.known)
                refused += done.refused
        finally:
            if changed:
                await self._accounts.refresh()
        told = changed.union(each.device_id for each in refused)
        refused += [RefusedDevice(e, str(NotFound.code)) for e in wanted.known if e not in told]
        return Sorted([each for each in wanted.known if each in changed], refused)

    async def _done(self, by: Principal, some: list[DeviceId], change: BulkChange) -> Sorted:
        match change.deed:
            case "delete":
                return await self._delete(by, some)
            case "quarantine" | "release":
                return await self._quarantine(by, some, change)
            case "set":
                return await self._set(by, some, change)

    async def _delete(self, by: Principal, device_ids: list[DeviceId]) -> Sorted:
        async with self._store.database.tenant(by.org).transaction() as connection:
            deleted = await self._store.delete(connection, by.org, device_ids)
            await self._store.end_tokens(connection, by.org, deleted)
            await self._record(connection, [audit_entry(by, "device.delete", e) for e in deleted])
        return Sorted(deleted, [])

    async def _quarantine(
        self, by: Principal, device_ids: list[DeviceId], change: BulkChange
    ) -> Sorted:
        begins, action = change.deed == "quarantine", f"device.{change.deed}"
        async with self._store.database.tenant(by.org).transaction() as connection:
            if begins:
                done = await self._store.quarantine(
                    connection, by.org, device_ids, by.actor, change.reason
                )
            else:
                done = await self._store.release(connection, by.org, device_ids)
            entries = [audit_entry(by, action, each, reason=change.reason) for each in done]
            await self._record(connection, entries)
        for each in done:
            self._hint_quarantine((by.org, each))
        return Sorted(done if begins else device_ids, [])

    async def _set(self, by: Principal, device_ids: list[DeviceId], change: BulkChange) -> Sorted:
        async with self._store.database.tenant(by.org).transaction() as connection:
            rows = await self._store.lock_described(connection, by.org, device_ids)
            changes, refused = described(rows, change)
            await self._store.describe(
                connection, by.org, list(changes), change.name, change.timezone, change.labels
            )
            if change.labels:
                await self._settle(connection, by, list(changes))
            entries = [
                audit_entry(by, "device.update", device_id, changes=each)
                for device_id, each in changes.items()
            ]
            await self._record(connection, entries)
        return Sorted(list(changes), refused)

    async def _record(self, connection: Connection, entries: Sequence[AuditEntry]) -> None:
        if entries:
            await self._audit.record(connection, *entries)


def described(
    rows: Sequence[Described], change: BulkChange
) -> tuple[dict[DeviceId, Changes], list[RefusedDevice]]:
    """What changes of each device, and those that would have too many labels."""
    changes: dict[DeviceId, Changes] = {}
    refused: list[RefusedDevice] = []
    for row in rows:
        zone = row.timezone if change.timezone is UNSET else change.timezone
        try:
            labels = merged(row.labels, change.labels)
        except Invalid as error:
            refused.append(RefusedDevice(row.device_id, str(error.code)))
        else:
            changes[row.device_id] = changes_of(
                {"name": row.name, "labels": row.labels, "timezone": row.timezone},
                {"name": change.name or row.name, "labels": labels, "timezone": zone},
            )
    return changes, refused


def _require_valid(change: BulkChange, wanted: Sorted, confirm: int | None) -> None:
    if change.deed == "delete" and confirm is None:
        raise invalid("confirm", "confirm the number of devices")
    if confirm is not None and confirm != len(wanted.known):
        raise invalid("confirm", f"it would be {len(wanted.known)} devices")
    require_visible(change.reason, "reason")
    require_own_zone(change.timezone, "set.timezone")
    if change.name is not None:
        require_visible(change.name, "set.name")
        if len(wanted.known) + len(wanted.refused) > 1:
            raise invalid("set.name", "a name is for one device")
