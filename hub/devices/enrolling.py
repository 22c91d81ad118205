"""Enrolment: a device comes for a token, with the enrolment key or with the token that it has."""

import time
from collections.abc import Callable
from typing import Final

import structlog
from msgspec import structs

from hub.accounts.service import AccountService
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.errors import (
    BadEnrollmentKey,
    Forbidden,
    ReenrollRefused,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.devices.admission import Admission
from hub.devices.enrollment import LATELY_SECONDS, EnrollmentVerdict, decide, key_fits
from hub.devices.store import DeviceStore, Identity
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.ids import DeviceId, OrgId

log = structlog.get_logger(__name__)

BAD_KEY: Final = "send the enrolment key in X-Enrollment-Key"
ALERT_EVERY: Final = 60.0
"""Seconds between two alerts of too many enrolments."""


class EnrollmentService:
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
        if who.name is not None:
            require_visible(who.name, "name")
        known = self._known(device_id, token)
        version = None if known is None else known.version
        if known is None:
            admission.may_show_key()
        org = known.org if known is not None else await self._accounts.enrolling_into(key)
        enrollment_key, auto_enroll, reenroll = await self._accounts.enrollment(org)
        fits = key_fits(key, enrollment_key)
        if version is None and not fits:
            admission.wrong_key()
            raise BadEnrollmentKey(BAD_KEY)
        admission.device(org, device_id)
        async with self._store.database.transaction() as connection:
            standing = await self._store.lock_standing(connection, org, device_id)
            verdict = decide(
                standing, key_fits=fits, token=version, auto_enroll=auto_enroll, reenroll=reenroll
            )
            self._require(verdict, org, device_id, admission, enrollment_key)
            if verdict is EnrollmentVerdict.REGISTER and not await self._store.register(
                connection, org, device_id, who
            ):
                raise Unavailable("another request registers the same device", retry_after=1)
            given = await self._store.next_version(
                connection,
                org,
                device_id,
                who.version,
                only=verdict is not EnrollmentVerdict.RENEW,
            )
            replaces = (
                verdict is EnrollmentVerdict.ENROLL and standing is not None and standing.replaces
            )
            entry = _enrolled(structs.replace(by, org=org), device_id, verdict, replaces=replaces)
            await self._audit.record(connection, entry)
            granted = self._accounts.device_token(org, device_id, given)
        if replaces:
            await self._accounts.refresh()
            self._raise_reenrolled(org, device_id)
        return granted

    def _require(
        self,
        verdict: EnrollmentVerdict,
        org: OrgId,
        device_id: DeviceId,
        admission: Admission,
        key: str,
    ) -> None:
        """Raises what a refusal is to the caller."""
        if verdict is EnrollmentVerdict.BAD_KEY:
            admission.wrong_key()
        if verdict is EnrollmentVerdict.REGISTER:
            try:
                admission.new_device(key)
            except TooManyRequests:
                self._raise_rate(org, device_id, admission.address)
                raise
        _require(verdict, device_id)

    def _known(self, device_id: DeviceId, token: str | None) -> Principal | None:
        """By a genuine token of this device; whether it has ended is asked under the lock."""
        if token is None:
            return None
        try:
            principal = self._accounts.signed_device(token)
        except Unauthenticated:
            return None
        return principal if principal.subject == device_id else None

    def _raise_reenrolled(self, org: OrgId, device_id: DeviceId) -> None:
        log.warning("device_reenrolled", device_id=device_id)
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity="WARN",
            code="device_reenrolled",
            message="it enrolled again with the enrolment key: its earlier tokens are revoked",
        )
        self._telemetry.alert(org, alert)

    def _raise_rate(self, org: OrgId, device_id: DeviceId, address: str | None) -> None:
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
            message=f"too many new devices enrol from {address}: they must retry later",
        )
        self._telemetry.alert(org, alert)


def _require(verdict: EnrollmentVerdict, device_id: DeviceId) -> None:
    """Raises what a refusal is to the caller."""
    match verdict:
        case EnrollmentVerdict.BAD_KEY:
            raise BadEnrollmentKey(BAD_KEY)
        case EnrollmentVerdict.UNKNOWN | EnrollmentVerdict.BLOCKED:
            raise Forbidden(f"{device_id} gets no token: {verdict.value}")
        case EnrollmentVerdict.AT_WORK | EnrollmentVerdict.NEVER:
            raise ReenrollRefused(
                f"{device_id} gets no token for the enrolment key: {verdict.value}",
                retry_after=int(LATELY_SECONDS),
            )
        case EnrollmentVerdict.RENEW | EnrollmentVerdict.ENROLL | EnrollmentVerdict.REGISTER:
            pass


def _enrolled(
    by: Principal, device_id: DeviceId, verdict: EnrollmentVerdict, *, replaces: bool
) -> AuditEntry:
    device = structs.replace(by, kind="device", subject=device_id, actor=device_id)
    if verdict is EnrollmentVerdict.REGISTER:
        action = "device.enroll"
    else:
        action = "device.reenroll" if replaces else "device.token"
    return audit_entry(device, action, device_id)
