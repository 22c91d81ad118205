"""An alert, as its row says it. Pure."""

from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, Struct

from protocol.codec import encode
from protocol.dashboard import AlertEvent, AlertStatus
from protocol.ids import DeviceId, OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import Severity

Because = Literal[
    "cleared", "rule_changed", "left", "device", "device_deleted", "manual", "timeout"
]
"""Why an alert is resolved."""
MOST_BULK: Final = 10_000
DAYS: Final = 90
"""A resolved alert is kept for so long."""


class Alert(Struct, frozen=True, kw_only=True):
    """Of a rule, or raised by `device_id` or the hub itself. `because`: why it is resolved."""

    org: OrgId
    alert_id: str
    rule: str | None
    code: str
    device_id: DeviceId | None
    severity: Severity
    message: str
    value: float | None
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    because: Because | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    comment: str | None
    silenced_by: str | None

    @property
    def status(self) -> AlertStatus:
        return "FIRING" if self.resolved_at is None else "RESOLVED"


def event_of(alert: Alert, ts: str) -> StreamEvent:
    """What dashboards and webhooks are told of it now."""
    event = AlertEvent(
        device_id=alert.device_id,
        ts=ts,
        severity=alert.severity,
        code=alert.code,
        message=alert.message,
        count=UNSET if alert.count == 1 else alert.count,
        status=alert.status,
        alert_id=alert.alert_id,
    )
    return StreamEvent(alert.device_id or "", "alert", alert.severity, encode(event))
