"""What an operator is told of devices that enrol."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.ids import DeviceId, OrgId

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 60.0
"""Between two alerts of too many enrolments into an organisation."""


class EnrollmentAlerts:
    def __init__(
        self, telemetry: TelemetryWriter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._rate_told_at: dict[OrgId, float] = {}

    def reenrolled(self, org: OrgId, device_id: DeviceId) -> None:
        log.warning("device_reenrolled", device_id=device_id)
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity="WARN",
            code="device_reenrolled",
            message="it enrolled again: its earlier tokens are revoked",
        )
        self._telemetry.alert(org, alert)

    def rate(self, org: OrgId, device_id: DeviceId, address: str | None) -> None:
        """Once a minute: whose device it is does not matter, from where it comes does."""
        now = self._clock()
        if now - self._rate_told_at.get(org, float("-inf")) < EVERY_SECONDS:
            return
        self._rate_told_at[org] = now
        log.warning("enrollment_rate", device_id=device_id, address=address)
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity="WARN",
            code="enrollment_rate",
            message=f"too many new devices enrol from {address}: they must retry later",
        )
        self._telemetry.alert(org, alert)
