"""Suspends schedules whose owner may not have them any more; follows a clock that was set back."""

from typing import Final

import structlog

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base import metrics
from hub.base.database import after_commit
from hub.schedules.owners import Owners, the_hub
from hub.schedules.records import Reason, ScheduleStatus
from hub.schedules.store import ScheduleOwner, ScheduleStore
from hub.telemetry.writer import TelemetryWriter, stream_event
from protocol.dashboard import AlertEvent
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0
COUNT_SECONDS: Final = 15.0
REASON: Final[Reason] = "owner_lacks_right"
SEVERITY: Final[Severity] = "WARN"


class ScheduleWatch:
    def __init__(
        self,
        store: ScheduleStore,
        owners: Owners,
        audit: AuditService,
        telemetry: TelemetryWriter,
    ) -> None:
        self._store = store
        self._owners = owners
        self._audit = audit
        self._telemetry = telemetry

    async def look(self) -> None:
        """A job, of one replica. Raises `Unavailable`."""
        if count := await self._store.set_back():
            log.warning("schedules_set_back", count=count)
        for owner in await self._store.owners():
            if not await self._owners.may(owner):
                await self._suspend(owner)

    async def count(self) -> None:
        """For whoever reads the metrics of this replica. Raises `Unavailable`."""
        counts = await self._store.status_counts()
        for status in ScheduleStatus:
            metrics.schedules.labels(str(status)).set(counts.get(status, 0))

    async def _suspend(self, owner: ScheduleOwner) -> None:
        """With the alert for webhooks, in one transaction; dashboards hear of it after."""
        async with self._store.database.transaction() as connection:
            schedule = await self._store.suspend(connection, owner, REASON)
            if schedule is None:
                return
            entry = audit_entry(
                the_hub(schedule), "schedule.suspend", schedule.schedule_id, why=REASON
            )
            await self._audit.record(connection, entry)
            alert = AlertEvent(
                device_id=None,
                ts=self._telemetry.now(),
                severity=SEVERITY,
                code=REASON,
                message=f"the schedule {schedule.given.name} is suspended: its owner is gone, or "
                "may not do it any more",
            )
            event = stream_event(alert, SEVERITY)
            await self._telemetry.taps.keep(connection, [(owner.org, event)])
            after_commit(lambda: self._telemetry.publish(owner.org, alert, SEVERITY))
        log.warning("schedule_suspended", schedule=owner.schedule_id, reason=REASON)
