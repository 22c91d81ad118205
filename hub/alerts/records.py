"""An alert, as its row says it. Pure."""

from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, Struct

from protocol.codec import at, encode, rfc3339
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


class AlertItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`comment` is what was said when it was acknowledged or resolved."""

    id: str
    rule: str | None
    """Null for one that a device, or the hub itself, has raised."""
    code: str
    """Of a rule its name, as it was then."""
    device_id: str | None
    severity: Severity
    status: AlertStatus
    acknowledged_by: str | None
    acknowledged_at: str | None
    comment: str | None
    silenced_by: str | None
    count: int
    first_at: str
    last_at: str
    resolved_at: str | None
    resolved_because: Because | None
    value: float | None
    message: str


def item_of(alert: Alert) -> AlertItem:
    return AlertItem(
        id=alert.alert_id,
        rule=alert.rule,
        code=alert.code,
        device_id=alert.device_id,
        severity=alert.severity,
        status=alert.status,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=at(alert.acknowledged_at),
        comment=alert.comment,
        silenced_by=alert.silenced_by,
        count=alert.count,
        first_at=rfc3339(alert.first_at),
        last_at=rfc3339(alert.last_at),
        resolved_at=at(alert.resolved_at),
        resolved_because=alert.because,
        value=alert.value,
        message=alert.message,
    )
