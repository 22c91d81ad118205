"""Sees when schedules are due: each is a job, so that one replica at a time does.

A look is one transaction that begins by asking whether the job is still this replica's, and by
locking the schedule. It writes the runs of what has come since the last look, by the database's
clock, and when it looks again. A due time has one row, whoever looks how often.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hub.base.database import Connection
from hub.base.job_store import fence, remove_job
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.schedules.beginning import Beginning
from hub.schedules.deciding import runs_of
from hub.schedules.records import JOB, Schedule, ScheduleStatus
from hub.schedules.store import DueSchedule, ScheduleStore
from hub.schedules.timing import DEVICE, Come, come, dues, zones_for
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

ZONE_SECONDS: Final = 30.0
"""Between two looks at one that comes in the zones of devices: they may be in others by then."""
LONG: Final = timedelta(hours=6)
"""What a look has to count of a longer time is counted beside the loop."""
AT_ONCE: Final = 10
MOST: Final = 1000


class DueLooks:
    def __init__(
        self,
        store: ScheduleStore,
        beginning: Beginning,
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._beginning = beginning
        self._wake_jobs = wake_jobs
        self.kind = JobKind(name=JOB, run=self.run, at_once=AT_ONCE, most=MOST)

    async def run(self, job: HeldJob) -> RunOutcome:
        """Raises `LeaseLost`, `Unavailable`."""
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            due = await self._store.lock_due(connection, org_of(job), job.key)
            if due is None or due.schedule.status is not ScheduleStatus.ACTIVE:
                await remove_job(connection, job)
                return RunOutcome()
            after = await self._look(connection, due)
            if after is None:
                await remove_job(connection, job)
        self._wake_jobs()
        return after or RunOutcome()

    async def zones(self, connection: Connection, schedule: Schedule) -> list[ZoneInfo]:
        timing = schedule.given.timing
        of_devices: Collection[str] = ()
        if timing.timezone == DEVICE:
            of_devices = await self._store.zones(connection, schedule.org)
        return zones_for(timing, of_devices)

    async def _look(self, connection: Connection, due: DueSchedule) -> RunOutcome | None:
        """When to look again; None when nothing is left to come."""
        schedule, now = due.schedule, due.now
        timing = schedule.given.timing
        zones = await self.zones(connection, schedule)
        came = await _come(schedule, zones, now)
        if came.missed:
            log.warning("schedule_missed", schedule=schedule.schedule_id, count=len(came.missed))
        for new in runs_of(came, schedule.given.missed):
            await self._beginning.begin(connection, schedule, new)
        following = next(dues(timing, zones, now), None)
        await self._store.looked(connection, schedule, ended=following is None)
        if following is None:
            return None
        if timing.timezone != DEVICE:
            return RunOutcome(at=following)
        return RunOutcome(wait=min((following - now).total_seconds(), ZONE_SECONDS))


async def _come(schedule: Schedule, zones: Sequence[ZoneInfo], now: datetime) -> Come:
    timing, since = schedule.given.timing, schedule.since
    if now - since < LONG:
        return come(timing, zones, since, now)
    return await asyncio.to_thread(come, timing, zones, since, now)


def org_of(job: HeldJob) -> OrgId:
    if job.org is None:
        raise AssertionError("a schedule is of an organisation")
    return job.org
