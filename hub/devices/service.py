"""The list of devices, and what an administrator changes of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hub.accounts.service import AccountService
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, NotFound, QuarantinedCaller
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.base.zones import require_own_zone
from hub.devices.labels import filled, merged, tagged
from hub.devices.store import (
    ConnectedRow,
    DeviceAgent,
    DeviceFilter,
    DeviceRow,
    DeviceStore,
    Quarantine,
    SmallSections,
    WantedSection,
)
from hub.queries.records import Tree
from protocol.frames import ConnectionMode
from protocol.ids import DeviceId, DeviceKey, OrgId, is_device_id
from protocol.sections import MODE, mode_document

__all__ = [
    "ConnectedRow",
    "DeviceAgent",
    "DeviceChange",
    "DeviceFilter",
    "DeviceRow",
    "DeviceService",
    "Quarantine",
    "SmallSections",
    "WantedSection",
]

QUARANTINED_SECONDS: Final = 10
"""After which a device in quarantine asks again."""
MOST_TARGETS: Final = 1_000_000
NO_SUCH_DEVICE: Final = "no such device"


class DeviceChange(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is, where nothing else is said of it."""

    name: str | None = None
    company_id: str | None = None
    production_line_id: str | None = None
    tags: list[str] | None = None
    labels: dict[str, str | None] | None = None
    """Merged; None takes one away."""
    timezone: str | UnsetType | None = UNSET
    """None takes its own away."""
    disabled: bool | None = None
    connection_mode: ConnectionMode | None = None


Settle = Callable[[Connection, Principal, Sequence[DeviceId]], Awaitable[None]]
"""Told in the transaction of devices that are new or have other labels: they come into the groups
that mean them now. Raises `Escalation`."""


class DeviceService:
    def __init__(
        self,
        store: DeviceStore,
        accounts: AccountService,
        audit: AuditService,
        settle: Settle,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        """`hint_desired`: what a device should have has changed."""
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._settle = settle
        self._hint_desired = hint_desired

    async def require(self, org: OrgId, device_id: str) -> None:
        """Raises `NotFound` when there is no such device."""
        if not is_device_id(device_id) or not await self._store.known(org, [device_id]):
            raise NotFound(NO_SUCH_DEVICE)

    async def require_released(self, device: Principal) -> None:
        """Raises `QuarantinedCaller` when it is in quarantine."""
        if await self._store.is_quarantined(device.org, DeviceId(device.subject)):
            raise QuarantinedCaller("the device is in quarantine", retry_after=QUARANTINED_SECONDS)

    async def known(self, org: OrgId, device_ids: list[str]) -> set[str]:
        """Which of these exist."""
        return await self._store.known(org, device_ids)

    async def get(self, org: OrgId, device_id: DeviceId) -> DeviceRow:
        device = await self._store.get(org, device_id)
        if device is None:
            raise NotFound(NO_SUCH_DEVICE)
        return device

    async def list(
        self, org: OrgId, wanted: DeviceFilter, *, cursor: str | None, limit: int
    ) -> Items[DeviceRow]:
        rows = await self._store.list(org, wanted, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.device_id), item=lambda row: row
        )

    async def matching(self, org: OrgId, query: Tree) -> "list[DeviceId]":
        """Those that a query means, with its groups by id. Newest first."""
        return await self._store.ids(org, DeviceFilter(query=query), limit=MOST_TARGETS)

    async def connected(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[ConnectedRow]:
        """Those on a line, the newest line first."""
        rows = await self._store.connected(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.connected_at, row.device_id), item=lambda row: row
        )

    async def create(
        self,
        by: Principal,
        device_id: DeviceId,
        *,
        name: str | None,
        company_id: str | None,
        production_line_id: str | None,
        labels: Mapping[str, str],
        timezone: str | None,
    ) -> DeviceRow:
        """Raises `Conflict` when there is one, `Invalid` for a name that cannot be shown, and for
        what is no time zone."""
        _require_visible(name)
        require_own_zone(timezone)
        async with self._store.database.tenant(by.org).transaction() as connection:
            made = await self._store.create(
                connection,
                by.org,
                device_id,
                name=name,
                company_id=company_id,
                production_line_id=production_line_id,
                timezone=timezone,
            )
            if not made:
                raise Conflict(f"the device {device_id} exists already")
            await self._store.put_labels(connection, by.org, device_id, labels)
            await self._settle(connection, by, [device_id])
            await self._audit.record(connection, audit_entry(by, "device.create", device_id))
        return await self.get(by.org, device_id)

    async def change(
        self, by: Principal, device_id: DeviceId, change: DeviceChange, *, action: str
    ) -> DeviceRow:
        _require_visible(change.name)
        require_own_zone(change.timezone)
        device = await self.get(by.org, device_id)
        wanted = {
            field: value
            for field, value in msgspec.structs.asdict(change).items()
            if value is not None and field not in ("tags", "labels", "timezone")
        }
        if change.timezone is not UNSET:
            wanted["timezone"] = change.timezone
        changed = msgspec.structs.replace(device, **wanted)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change(connection, changed)
            labels = await self._labelled(connection, by.org, device_id, change)
            if labels:
                await self._settle(connection, by, [device_id])
            if change.connection_mode is not None:
                await self.want(connection, [_mode(by.org, device_id, change.connection_mode)])
            if changed.disabled and not device.disabled:
                await self._store.end_tokens(connection, by.org, [device_id])
            was = msgspec.structs.asdict(device)
            changes = {**_named(changes_of(was, wanted)), **labels}
            entry = audit_entry(by, action, device_id, changes=changes)
            await self._audit.record(connection, entry)
        if change.connection_mode is not None:
            self._hint_desired((by.org, device_id))
        await self._accounts.refresh()
        return await self.get(by.org, device_id)

    async def _labelled(
        self, connection: Connection, org: OrgId, device_id: DeviceId, change: DeviceChange
    ) -> dict[str, tuple[object, object]]:
        """What changed of the labels. The row of the device is locked."""
        if change.tags is None and change.labels is None:
            return {}
        before = await self._store.labels(connection, org, device_id)
        after = merged(before, change.labels or {})
        if change.tags is not None:
            after = tagged(before, change.tags)
        await self._store.put_labels(connection, org, device_id, after)
        return changes_of({"labels": before}, {"labels": after})

    async def add_companions(self, connection: Connection, org: OrgId, device_id: DeviceId) -> None:
        """What each device has beside its row, for one that has just got it."""
        await self._store.add_companions(connection, org, device_id)

    async def add_labels(
        self, connection: Connection, org: OrgId, device_id: DeviceId, labels: Mapping[str, str]
    ) -> None:
        """Those that it has stay as they are, and so does what there is no room for."""
        before = await self._store.labels(connection, org, device_id)
        await self._store.put_labels(connection, org, device_id, filled(before, labels))

    async def lock(self, connection: Connection, org: OrgId, device_id: DeviceId) -> bool:
        """Whether there is such a device; then it stays until the commit."""
        return await self._store.lock(connection, org, device_id)

    async def want(self, connection: Connection, sections: Sequence[WantedSection]) -> None:
        """What devices should have of their sections from now on."""
        await self._store.want(connection, sections)

    async def delete(self, by: Principal, device_id: DeviceId) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete(connection, by.org, [device_id]):
                raise NotFound(NO_SUCH_DEVICE)
            await self._store.end_tokens(connection, by.org, [device_id])
            await self._audit.record(connection, audit_entry(by, "device.delete", device_id))
        await self._accounts.refresh()


def _mode(org: OrgId, device_id: DeviceId, mode: ConnectionMode) -> WantedSection:
    document = mode_document(mode)
    return WantedSection(org=org, device_id=device_id, kind=MODE, document=document, is_taken=False)


def _require_visible(name: str | None) -> None:
    if name is not None:
        require_visible(name, "name")


def _named(changes: Mapping[str, tuple[object, object]]) -> dict[str, tuple[object, object]]:
    """By the names of the wire."""
    return {_camel(field): pair for field, pair in changes.items()}


def _camel(field: str) -> str:
    head, *rest = field.split("_")
    return head + "".join(word.title() for word in rest)
