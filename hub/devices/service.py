"""Enrolment, the list of devices, and what an administrator changes of them."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from hub.accounts.service import AccountService
from hub.audit.entries import AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.errors import (
    BadEnrollmentKey,
    Conflict,
    Forbidden,
    NotFound,
    ReenrollRefused,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.devices.admission import Admission
from hub.devices.enrollment import LATELY_SECONDS, EnrollmentVerdict, decide, key_fits
from hub.devices.store import (
    ConnectedRow,
    DeviceFilter,
    DeviceRow,
    DeviceStore,
    Identity,
)
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
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

log = structlog.get_logger(__name__)

NO_SUCH_DEVICE: Final = "no such device"
BAD_KEY: Final = "give the enrolment key in X-Enrollment-Key"
ALERT_EVERY: Final = 60.0
"""Seconds between two alerts of too many enrolments."""


class DeviceChange(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is."""

    name: str | None = None
    company_id: str | None = None
    production_line_id: str | None = None
    tags: list[str] | None = None
    disabled: bool | None = None
    connection_mode: ConnectionMode | None = None


class DeviceService:
    def __init__(
        self,
        store: DeviceStore,
        accounts: AccountService,
        audit: AuditService,
        telemetry: TelemetryWriter,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._telemetry = telemetry
        self._clock = clock
        self._rate_told_at = float("-inf")

    async def enroll(
        self,
        by: Principal,
        device_id: DeviceId,
        who: Identity,
        *,
        key: str | None,
        token: str | None,
        admission: Admission,
    ) -> tuple[str, str]:
        """(token, expiresAt). Only the call that makes the device may name it, its company and its
        line: later only people do. Raises `BadEnrollmentKey`, `Forbidden`, `ReenrollRefused` or
        `TooManyRequests`."""
        _require_visible(who.name)
        version = self._version(device_id, token)
        if version is None:
            admission.may_show_key()
        enrollment_key, auto_enroll, reenroll = await self._accounts.enrollment(DEFAULT_ORG)
        fits = key_fits(key, enrollment_key)
        if version is None and not fits:
            admission.wrong_key()
            raise BadEnrollmentKey(BAD_KEY)
        admission.device(device_id)
        async with self._store.database.transaction() as connection:
            standing = await self._store.lock_standing(connection, DEFAULT_ORG, device_id)
            verdict = decide(
                standing, key_fits=fits, token=version, auto_enroll=auto_enroll, reenroll=reenroll
            )
            self._require(verdict, device_id, admission, enrollment_key)
            if verdict is EnrollmentVerdict.REGISTER and not await self._store.register(
                connection, DEFAULT_ORG, device_id, who
            ):
                raise Unavailable("another call registers the same device", retry_after=1)
            given = await self._store.next_version(
                connection,
                DEFAULT_ORG,
                device_id,
                who.version,
                only=verdict is not EnrollmentVerdict.RENEW,
            )
            replaces = (
                verdict is EnrollmentVerdict.ENROLL and standing is not None and standing.replaces
            )
            entry = _enrolled(by, device_id, verdict, replaces=replaces)
            await self._audit.record(connection, entry)
            granted = self._accounts.device_token(DEFAULT_ORG, device_id, given)
        if replaces:
            await self._accounts.refresh()
            self._raise_reenrolled(device_id)
        return granted

    def _require(
        self, verdict: EnrollmentVerdict, device_id: DeviceId, admission: Admission, key: str
    ) -> None:
        """Raises what a refusal is to the caller."""
        if verdict is EnrollmentVerdict.BAD_KEY:
            admission.wrong_key()
        if verdict is EnrollmentVerdict.REGISTER:
            try:
                admission.new_device(key)
            except TooManyRequests:
                self._raise_rate(device_id, admission.address)
                raise
        _require(verdict, device_id)

    def _version(self, device_id: DeviceId, token: str | None) -> int | None:
        """Of a genuine token of this device; whether it has ended is asked under the lock."""
        if token is None:
            return None
        try:
            principal = self._accounts.signed_device(token)
        except Unauthenticated:
            return None
        return principal.version if principal.subject == device_id else None

    def _raise_reenrolled(self, device_id: DeviceId) -> None:
        log.warning("device_reenrolled", device_id=device_id)
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity="WARN",
            code="device_reenrolled",
            message="it enrolled again by the enrolment key: its earlier tokens have ended",
        )
        self._telemetry.alert(DEFAULT_ORG, alert)

    def _raise_rate(self, device_id: DeviceId, address: str | None) -> None:
        """Once a minute: whose device it is does not matter, from where it comes does."""
        now = self._clock()
        if now - self._rate_told_at < ALERT_EVERY:
            return
        self._rate_told_at = now
        log.warning("enrollment_rate", device_id=device_id, address=address)
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity="WARN",
            code="enrollment_rate",
            message=f"too many new devices enrol from {address}: they are told to come later",
        )
        self._telemetry.alert(DEFAULT_ORG, alert)

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
        """Raises `Conflict` when there is one, `Invalid` for a name that cannot be shown."""
        _require_visible(who.name)
        async with self._store.database.transaction() as connection:
            if not await self._store.create(connection, by.org, device_id, who=who, tags=tags):
                raise Conflict(f"there is a device {device_id}")
            await self._audit.record(connection, audit_entry(by, "device.create", device_id))
        return await self.get(by.org, device_id)

    async def change(
        self, by: Principal, device_id: DeviceId, change: DeviceChange, *, action: str
    ) -> DeviceRow:
        _require_visible(change.name)
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
                await self._store.end_tokens(connection, by.org, [device_id])
            was = msgspec.structs.asdict(device)
            entry = audit_entry(by, action, device_id, changes=_named(changes_of(was, wanted)))
            await self._audit.record(connection, entry)
        await self._accounts.refresh()
        return await self.get(by.org, device_id)

    async def delete(self, by: Principal, device_id: DeviceId) -> None:
        async with self._store.database.transaction() as connection:
            if not await self._store.delete(connection, by.org, [device_id]):
                raise NotFound(NO_SUCH_DEVICE)
            await self._store.end_tokens(connection, by.org, [device_id])
            await self._audit.record(connection, audit_entry(by, "device.delete", device_id))
        await self._accounts.refresh()


def _require_visible(name: str | None) -> None:
    if name is not None:
        require_visible(name, "name")


def _require(verdict: EnrollmentVerdict, device_id: DeviceId) -> None:
    """Raises what a refusal is to the caller."""
    match verdict:
        case EnrollmentVerdict.BAD_KEY:
            raise BadEnrollmentKey(BAD_KEY)
        case EnrollmentVerdict.UNKNOWN | EnrollmentVerdict.BARRED:
            raise Forbidden(f"{device_id} gets no token: {verdict.value}")
        case EnrollmentVerdict.AT_WORK | EnrollmentVerdict.NEVER:
            raise ReenrollRefused(
                f"{device_id} gets no token by the enrolment key: {verdict.value}",
                retry_after=int(LATELY_SECONDS),
            )
        case EnrollmentVerdict.RENEW | EnrollmentVerdict.ENROLL | EnrollmentVerdict.REGISTER:
            pass


def _enrolled(
    by: Principal, device_id: DeviceId, verdict: EnrollmentVerdict, *, replaces: bool
) -> AuditEntry:
    device = msgspec.structs.replace(
        by, kind="device", subject=device_id, actor=device_id, org=DEFAULT_ORG
    )
    if verdict is EnrollmentVerdict.REGISTER:
        action = "device.enroll"
    else:
        action = "device.reenroll" if replaces else "device.token"
    return audit_entry(device, action, device_id)


def _named(changes: Mapping[str, tuple[object, object]]) -> dict[str, tuple[object, object]]:
    """By the names of the wire."""
    return {_camel(field): pair for field, pair in changes.items()}


def _camel(field: str) -> str:
    head, *rest = field.split("_")
    return head + "".join(word.title() for word in rest)
