"""Enrolment, the list of devices, and what an administrator changes of them."""

from typing import Final

import msgspec
from msgspec import Struct

from hub.accounts.service import AccountService
from hub.audit.service import AuditService, Deed, deed_of
from hub.base.errors import BadEnrollmentKey, Conflict, Forbidden, NotFound, Unauthenticated
from hub.devices.enrollment import Verdict, decide, key_fits
from hub.devices.store import (
    ConnectedRow,
    DeviceFilter,
    DeviceRow,
    DeviceStore,
    Identity,
)
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal
from protocol.frames import ConnectionMode
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId, is_device_id

__all__ = [
    "ConnectedRow",
    "DeviceChange",
    "DeviceFilter",
    "DeviceRow",
    "DeviceService",
    "Identity",
]

NO_SUCH_DEVICE: Final = "no such device"


class DeviceChange(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is."""

    name: str | None = None
    company_id: str | None = None
    production_line_id: str | None = None
    tags: list[str] | None = None
    disabled: bool | None = None
    connection_mode: ConnectionMode | None = None


class DeviceService:
    def __init__(self, store: DeviceStore, accounts: AccountService, audit: AuditService) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit

    async def enroll(
        self, device_id: DeviceId, who: Identity, *, key: str | None, token: str | None
    ) -> tuple[str, str]:
        """(token, expiresAt). Raises `BadEnrollmentKey` or `Forbidden`."""
        enrollment_key, auto_enroll = await self._accounts.enrollment(DEFAULT_ORG)
        standing = await self._store.standing(DEFAULT_ORG, device_id)
        verdict = decide(
            standing,
            key_fits=key_fits(key, enrollment_key),
            own_token=self._is_own(device_id, token),
            auto_enroll=auto_enroll,
        )
        match verdict:
            case Verdict.BAD_KEY:
                raise BadEnrollmentKey("give the enrolment key in X-Enrollment-Key")
            case Verdict.UNKNOWN | Verdict.BARRED:
                raise Forbidden(f"{device_id} gets no token: {verdict.value}")
            case Verdict.GRANT | Verdict.REGISTER:
                await self._register(device_id, who, new=verdict is Verdict.REGISTER)
        return self._accounts.device_token(DEFAULT_ORG, device_id)

    def _is_own(self, device_id: DeviceId, token: str | None) -> bool:
        if token is None:
            return False
        try:
            return self._accounts.device(token).subject == device_id
        except Unauthenticated:
            return False

    async def _register(self, device_id: DeviceId, who: Identity, *, new: bool) -> None:
        async with self._store.database.transaction() as connection:
            await self._store.register(connection, DEFAULT_ORG, device_id, who)
            deed = Deed(
                org=DEFAULT_ORG,
                actor=device_id,
                action="device.enroll" if new else "device.token",
                target=device_id,
            )
            await self._audit.record(connection, deed)

    async def require(self, org: OrgId, device_id: str) -> None:
        """Raises `NotFound` when there is no such device."""
        standing = None
        if is_device_id(device_id):
            standing = await self._store.standing(org, DeviceId(device_id))
        if standing is None or standing.deleted:
            raise NotFound(NO_SUCH_DEVICE)

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

    async def connected(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[ConnectedRow]:
        """Those on a line, the newest line first."""
        rows = await self._store.connected(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.connected_at, row.device_id), item=lambda row: row
        )

    async def create(
        self, by: Principal, device_id: DeviceId, who: Identity, tags: "list[str]"
    ) -> DeviceRow:
        """Raises `Conflict` when there is one."""
        async with self._store.database.transaction() as connection:
            if not await self._store.create(connection, by.org, device_id, who=who, tags=tags):
                raise Conflict(f"there is a device {device_id}")
            await self._audit.record(connection, deed_of(by, "device.create", device_id))
        return await self.get(by.org, device_id)

    async def change(
        self, by: Principal, device_id: DeviceId, change: DeviceChange, *, action: str
    ) -> DeviceRow:
        device = await self.get(by.org, device_id)
        wanted = {
            field: value
            for field, value in msgspec.structs.asdict(change).items()
            if value is not None
        }
        changed = msgspec.structs.replace(device, **wanted)
        async with self._store.database.transaction() as connection:
            await self._store.change(connection, changed)
            if changed.disabled and not device.disabled:
                await self._store.revoke(connection, by.org, device_id)
            await self._audit.record(connection, deed_of(by, action, device_id, **wanted))
        await self._accounts.refresh()
        return await self.get(by.org, device_id)

    async def delete(self, by: Principal, device_id: DeviceId) -> None:
        async with self._store.database.transaction() as connection:
            if not await self._store.delete(connection, by.org, device_id):
                raise NotFound(NO_SUCH_DEVICE)
            await self._store.revoke(connection, by.org, device_id)
            await self._audit.record(connection, deed_of(by, "device.delete", device_id))
        await self._accounts.refresh()
