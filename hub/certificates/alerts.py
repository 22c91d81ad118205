"""What an operator is told of certificates: soon over, over, and shown though another is in use."""

import time
from collections.abc import Callable
from typing import Final, Literal

import structlog

from hub.certificates.store import CertificateStore
from hub.telemetry.writer import TelemetryWriter
from protocol.codec import rfc3339
from protocol.dashboard import AlertEvent
from protocol.ids import DeviceId, DeviceKey, OrgId

log = structlog.get_logger(__name__)

DAYS: Final = (0, 1, 7, 14, 30)
"""So many days before its end somebody is told of a certificate; 0 = of the end."""
SCAN_SECONDS: Final = 86_400.0
CLONED_SECONDS: Final = 3600.0
"""Between two alerts of one device that shows a key it should not have any more."""
MOST: Final = 4096


class CertificateAlerts:
    def __init__(
        self,
        store: CertificateStore,
        telemetry: TelemetryWriter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._told: dict[DeviceKey, float] = {}

    async def scan(self) -> None:
        """Of certificates that end soon, each once for each of `DAYS`."""
        for each in await self._store.expiring(DAYS):
            when = rfc3339(each.expires_at)
            if each.days == 0:
                log.warning("certificate_expired", device_id=each.device_id, serial=each.serial)
                message = f"its certificate expired at {when}: it has no line by it"
                self._tell(each.org, each.device_id, "CRITICAL", "certificate_expired", message)
            else:
                log.warning("certificate_expiring", device_id=each.device_id, serial=each.serial)
                message = f"its certificate expires at {when}, and it has no later one"
                self._tell(each.org, each.device_id, "WARN", "certificate_expiring", message)

    def cloned(self, org: OrgId, device_id: DeviceId) -> None:
        """A certificate was shown that is superseded: who shows it has not the key that the device
        uses now."""
        now = self._clock()
        if now - self._told.get((org, device_id), float("-inf")) < CLONED_SECONDS:
            return
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[org, device_id] = now
        log.warning("device_cloned", device_id=device_id)
        message = "a former certificate was shown while a later one is in use: two have its keys"
        self._tell(org, device_id, "WARN", "device_cloned", message)

    def _tell(
        self,
        org: OrgId,
        device_id: DeviceId,
        severity: Literal["WARN", "CRITICAL"],
        code: str,
        message: str,
    ) -> None:
        alert = AlertEvent(
            device_id=device_id,
            ts=self._telemetry.now(),
            severity=severity,
            code=code,
            message=message,
        )
        self._telemetry.alert(org, alert)
