"""Sees when schedules are due: each is a job, so that one replica at a time does.

A look counts what has come since the last one, by the database's clock, beside the loop and with
nothing locked: that may take seconds. One transaction then writes the runs, and when it looks
again. It begins by asking whether the job is still this replica's, and by locking the schedule; one
that has changed meanwhile is looked at again. A due time has one row, whoever looks how often.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct

from hub.base.database import Connection
from hub.base.job_store import fence, remove_job
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.schedules.beginning import Beginning
from hub.schedules.deciding import runs_of
from hub.schedules.records import JOB, Schedule, ScheduleStatus
from hub.schedules.store import DueSchedule, ScheduleStore
from hub.schedules.timing import DEVICE, Come, Timing, come, dues, zones_for
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

ZONE_SECONDS: Final = 30.0
"""Between two looks at one that comes in the zones of devices: they may be in others by then."""
AT_ONCE: Final = 10
MOST: Final = 1000


class CountedDues(Struct, frozen=True):
    """What has come of a schedule up to a moment, and what comes next."""

    now: datetime
    come: Come
    following: datetime | None


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
        seen = await self._store.due(org_of(job), job.key)
        counted = None if seen is None else await self._count(seen)
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            schedule = await self._store.lock_due(connection, org_of(job), job.key)
            if schedule is None or schedule.status is not ScheduleStatus.ACTIVE:
                await remove_job(connection, job)
                return RunOutcome()
            if counted is None or seen is None or schedule != seen.schedule:
                return RunOutcome(wait=0.0)
            after = await self._note(connection, schedule, counted)
            if after is None:
                await remove_job(connection, job)
        self._wake_jobs()
        return after or RunOutcome()

    async def _count(self, due: DueSchedule) -> CountedDues | None:
        """None of one that does not come."""
        if due.schedule.status is not ScheduleStatus.ACTIVE:
            return None
        timing, since, now = due.schedule.given.timing, due.schedule.since, due.now
        async with self._store.database.connection() as connection:
            zones = await self._zones(connection, due.schedule)
        return await asyncio.to_thread(_counted, timing, zones, since, now)

    async def _zones(self, connection: Connection, schedule: Schedule) -> list[ZoneInfo]:
        timing = schedule.given.timing
        of_devices: Collection[str] = ()
        if timing.timezone == DEVICE:
            of_devices = await self._store.zones(connection, schedule.org)
        return zones_for(timing, of_devices)

    async def _note(
        self, connection: Connection, schedule: Schedule, counted: CountedDues
    ) -> RunOutcome | None:
        """When to look again; None when nothing is left to come."""
        came, following = counted.come, counted.following
        if came.missed:
            log.warning("schedule_missed", schedule=schedule.schedule_id, count=len(came.missed))
        for new in runs_of(came, schedule.given.missed):
            await self._beginning.begin(connection, schedule, new)
        await self._store.looked(connection, schedule, counted.now, ended=following is None)
        if following is None:
            return None
        if schedule.given.timing.timezone != DEVICE:
            return RunOutcome(at=following)
        ahead = (following - counted.now).total_seconds()
        return RunOutcome(wait=min(ahead, ZONE_SECONDS))


def _counted(
    timing: Timing, zones: Sequence[ZoneInfo], since: datetime, now: datetime
) -> CountedDues:
    following = next(dues(timing, zones, now), None)
    return CountedDues(now, come(timing, zones, since, now), following)


def org_of(job: HeldJob) -> OrgId:
    if job.org is None:
        raise AssertionError("a schedule is of an organisation")
    return job.org
