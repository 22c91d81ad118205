"""The quotas of the devices that are heard here, and the alerts that tell of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec import UNSET, structs

from hub.base import metrics
from hub.base.kept import TAKEN, Kept
from hub.telemetry.quota import Quota
from hub.telemetry.rows import EventRow, KnownAlert, Source
from protocol.dashboard import AlertEvent
from protocol.ids import DeviceId, OrgId
from protocol.telemetry import Alert, Severity, Status

log = structlog.get_logger(__name__)

MOST_QUOTAS: Final = 50_000
FULL: Final = "device_day_full"


class HubAlerts(Protocol):
    """The part of the writer that is needed here."""

    def alert(self, org: OrgId, event: AlertEvent) -> None:
        """Shown and kept."""
        ...

    def show(self, org: OrgId, event: AlertEvent) -> None: ...
    def now(self) -> str: ...


class DeviceQuotas:
    """Of the `MOST_QUOTAS` devices whose lines began last. The writer takes an event off the quota
    by itself: here comes the first event of a line, what is beyond the quota, and every alert."""

    def __init__(self, hub: HubAlerts, monotonic: Callable[[], float], *, day_bytes: int) -> None:
        """`day_bytes`: how much of what a device sends is stored in a day; 0 = no limit."""
        self._hub = hub
        self._monotonic = monotonic
        self._day_bytes = day_bytes
        self._quotas: OrderedDict[tuple[OrgId, DeviceId], Quota] = OrderedDict()

    def of(self, source: Source) -> Quota:
        place = (source.org, source.device_id)
        quota = self._quotas.get(place)
        if quota is None:
            quota = self._quotas[place] = Quota(self._day_bytes, self._monotonic())
            if len(self._quotas) > MOST_QUOTAS:
                self._quotas.popitem(last=False)
        self._quotas.move_to_end(place)
        source.quota = quota
        return quota

    def known(self, quota: Quota, status: Status) -> tuple[Status, Kept]:
        """Without the metrics that are too many."""
        before = status.metrics or {}
        known = quota.known(before, self._monotonic())
        if known is before:
            return status, TAKEN
        return structs.replace(status, metrics=known), Kept.TOO_MANY_METRICS

    def beyond(self, source: Source, quota: Quota, row: EventRow) -> Kept | None:
        """What the day's sum makes of an event, when it is used up; None on a new day."""
        if quota.renewed(len(row.line), self._monotonic()):
            return None
        self._alert_full(source, quota)
        if row.seq is not None:
            return Kept.SLOWED
        metrics.events_shed.labels("day").inc()
        return Kept.FULL

    def is_published_now(self, source: Source, alert: Alert) -> bool:
        """Durable alerts are stored each by itself; whether they are published is decided then."""
        return alert.seq is not None or self.takes(source, alert)

    def takes(self, source: Source, alert: Alert) -> bool:
        quota = source.quota
        later = partial(self._publish_later, source)
        return quota is None or quota.alerts.takes(alert, self._monotonic(), later=later)

    def _alert_full(self, source: Source, quota: Quota) -> None:
        """Once a day."""
        if quota.told:
            return
        quota.told = True
        message = f"over {self._day_bytes} bytes in a day: telemetry without seq is shed"
        log.warning("device_day_full", device_id=source.device_id)
        self._hub.alert(source.org, self._alert_event(source, "WARN", FULL, message))

    def _publish_later(self, source: Source) -> None:
        """Alerts beyond the pace become one of each code, when the second is over."""
        asyncio.get_running_loop().call_later(1.0, self._publish_summed, source)

    def _publish_summed(self, source: Source) -> None:
        for summed in source.quota.alerts.summed() if source.quota else ():
            alert = summed.alert
            event = self._alert_event(source, alert.severity, alert.code, alert.message)
            event = structs.replace(event, count=summed.count)
            if isinstance(alert, KnownAlert):
                event = structs.replace(event, status=alert.status, alert_id=alert.alert_id)
            elif alert.resolved is True:
                event = structs.replace(event, status="RESOLVED")
            if summed.stored:
                self._hub.show(source.org, event)
            else:
                self._hub.alert(source.org, structs.replace(event, alert_id=UNSET))

    def _alert_event(
        self, source: Source, severity: Severity, code: str, message: str
    ) -> AlertEvent:
        return AlertEvent(
            device_id=source.device_id,
            ts=self._hub.now(),
            severity=severity,
            code=code,
            message=message,
        )
