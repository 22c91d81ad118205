"""Begins runs: each due time has one row, which whoever is first writes."""

from msgspec.structs import replace

from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.schedules.deciding import REPLACED, STILL_RUNNING, NewRun, is_held_up
from hub.schedules.records import RUN_JOB, RunStatus, Schedule, ScheduleRun
from hub.schedules.store import ScheduleStore
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import RecordChanged
from protocol.ids import OrgId


class Beginning:
    def __init__(self, store: ScheduleStore, telemetry: TelemetryWriter) -> None:
        self._store = store
        self._telemetry = telemetry

    async def begin(
        self, connection: Connection, schedule: Schedule, new: NewRun, *, by_hand: bool = False
    ) -> ScheduleRun | None:
        """In the transaction that has the schedule locked; None where the due time has a run."""
        others: list[str] = []
        if new.status is RunStatus.RUNNING:
            others = await self._store.under_way(connection, schedule)
            if is_held_up(schedule.given.overlap, others=bool(others)):
                new = replace(new, status=RunStatus.SKIPPED, error=STILL_RUNNING)
        run = await self._store.begin(connection, schedule, new, by_hand=by_hand)
        if run is None:
            return None
        if run.status is RunStatus.RUNNING:
            await self._store.wake(connection, RUN_JOB, schedule.org, run.run_id)
            if schedule.given.overlap == "replace":
                await self._replace(connection, schedule, others)
        after_commit(lambda: self._told(run))
        return run

    async def _replace(
        self, connection: Connection, schedule: Schedule, run_ids: list[str]
    ) -> None:
        """Nothing more is sent of these; their jobs cancel what is under way."""
        for run in await self._store.end(connection, schedule.org, run_ids, REPLACED):
            await self._store.wake(connection, RUN_JOB, run.org, run.run_id)

    def _told(self, run: ScheduleRun) -> None:
        if run.status is not RunStatus.RUNNING:
            metrics.schedule_runs.labels(str(run.status)).inc()
        self.tell(run.org, run.schedule_id)

    def tell(self, org: OrgId, schedule_id: str) -> None:
        """Dashboards read it again."""
        event = RecordChanged(
            kind="schedule",
            id=schedule_id,
            version=None,
            device_id=None,
            ts=self._telemetry.now(),
        )
        self._telemetry.publish(org, event)
