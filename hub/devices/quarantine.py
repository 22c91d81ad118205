"""Devices in quarantine: each keeps its line, but nothing is taken of it and nothing given to it.

The row of the device says so. Whoever accepts a command, claims one, takes a record or lets a
device in asks it there; open lines learn it by `hub/lines/quarantine.py`.
"""

from collections.abc import Callable

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.devices.service import NO_SUCH_DEVICE
from hub.devices.store import DeviceRow, DeviceStore
from protocol.ids import DeviceId, DeviceKey


class QuarantineService:
    def __init__(
        self, store: DeviceStore, audit: AuditService, hint: Callable[[DeviceKey], None]
    ) -> None:
        """`hint`: this device has come into quarantine, or out of it."""
        self._store = store
        self._audit = audit
        self._hint = hint

    async def begin(self, by: Principal, device_id: DeviceId, reason: str) -> DeviceRow:
        """For one that is there already, another reason. Raises `NotFound`, or `Invalid` for a
        reason that cannot be shown."""
        require_visible(reason, "reason")
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.quarantine(connection, by.org, [device_id], by.actor, reason):
                raise NotFound(NO_SUCH_DEVICE)
            entry = audit_entry(by, "device.quarantine", device_id, reason=reason)
            await self._audit.record(connection, entry)
        return await self._changed(by, device_id)

    async def release(self, by: Principal, device_id: DeviceId, reason: str | None) -> DeviceRow:
        """Nothing for one that is not there. Raises `NotFound`, `Invalid`."""
        if reason is not None:
            require_visible(reason, "reason")
        async with self._store.database.tenant(by.org).transaction() as connection:
            if await self._store.release(connection, by.org, [device_id]):
                entry = audit_entry(by, "device.release", device_id, reason=reason)
                await self._audit.record(connection, entry)
        return await self._changed(by, device_id)

    async def _changed(self, by: Principal, device_id: DeviceId) -> DeviceRow:
        self._hint((by.org, device_id))
        device = await self._store.get(by.org, device_id)
        if device is None:
            raise NotFound(NO_SUCH_DEVICE)
        return device
