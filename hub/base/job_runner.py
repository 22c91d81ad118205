"""Runs the jobs of this replica: claims what is due, renews what it holds, gives back what has run.

Each look is at most three statements, however many jobs there are, and a failure of one of them is
made good by the next look. What the looks decide is in `hub.base.jobs`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from hub.base import metrics
from hub.base.errors import Unavailable
from hub.base.job_store import JobStore
from hub.base.jobs import CLAIM_SECONDS, HeldJob, JobBook, JobKind, LeaseLost, RunOutcome, failed

log = structlog.get_logger(__name__)

GRAIN: Final = 0.05
"""Seconds between two looks, however often somebody wakes."""
DRAIN_SECONDS: Final = 2.0


class JobRunner:
    """`clock` gives monotonic seconds."""

    def __init__(
        self,
        store: JobStore,
        kinds: Iterable[JobKind],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._kinds = tuple(kinds)
        self._clock = clock
        self._wake = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._stopped = False
        self._start_anew()

    def _start_anew(self) -> None:
        self._book = JobBook(self._kinds)
        if self._stopped:
            self._book.stop(self._clock())
        self._is_new = True
        self._claimed_at = float("-inf")

    def wake(self) -> None:
        """Something may be due."""
        self._claimed_at = float("-inf")
        self._wake.set()

    async def prepare(self, *, alone: bool = False) -> None:
        """`alone`: nobody else can be alive. Raises `Unavailable`."""
        await self._store.prepare(self._kinds)
        if alone:
            await self._store.release_others()

    async def run(self) -> None:
        """For ever; from the start again, with nothing held, when it has failed."""
        self._start_anew()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                await self.look()
                for job in self._book.startable(self._clock()):
                    tasks.create_task(self._run(job))
                self._show()
                await asyncio.sleep(GRAIN)
                await self._rest()

    def leave(self) -> None:
        """Begin nothing more; give back what waits, and what runs when it ends."""
        self._stopped = True
        self._book.stop(self._clock())
        self.wake()

    async def stop(self) -> None:
        """Leave, and give everything back after what runs has had a moment to end.
        Raises `Unavailable`."""
        self.leave()
        self._is_idle.clear()  # the loop says so, after whatever it is at
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._is_idle.wait()
        except TimeoutError:
            log.info("jobs_cut_off", held=self._book.held())
        await self._store.give_back()

    async def look(self) -> None:
        """Give back, renew, claim."""
        try:
            await self._forget_former()
            await self._give_back()
            await self._renew()
            await self._claim()
        except Unavailable as error:
            log.warning("jobs_not_renewed", error=error.detail)
        for job in self._book.overdue(self._clock()):
            self._note_lost(job)

    async def _forget_former(self) -> None:
        """What a run of this loop that failed has left."""
        if self._is_new:
            await self._store.give_back()
            self._is_new = False

    async def _give_back(self) -> None:
        if ends := self._book.ends():
            await self._store.end_runs(ends)
            self._book.noted(ends)

    async def _renew(self) -> None:
        asked_at = self._clock()
        if asked := self._book.renewals(asked_at):
            confirmed = await self._store.renew(asked)
            for job in self._book.renewed(asked, confirmed, asked_at):
                self._note_lost(job)

    async def _claim(self) -> None:
        asked_at = self._clock()
        if asked_at - self._claimed_at < CLAIM_SECONDS:
            return
        self._claimed_at = asked_at
        if not (rooms := self._book.rooms()):
            return
        claimed = await self._store.claim(rooms)
        self._book.claimed([each.job for each in claimed], asked_at)
        for each in claimed:
            metrics.job_late_seconds.labels(each.job.kind).observe(max(each.late, 0.0))

    async def _rest(self) -> None:
        """Until a job that is held is due, until the next look, or until somebody wakes."""
        moment = self._claimed_at + CLAIM_SECONDS
        moment = min(moment, self._book.next_start() or moment)
        try:
            async with asyncio.timeout(min(max(moment - self._clock(), 0.0), CLAIM_SECONDS)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _run(self, job: HeldJob) -> None:
        kind = self._book.kinds[job.kind]
        try:
            outcome = await kind.run(job)
        except LeaseLost:
            if self._book.lost(job):
                self._note_lost(job)
            return
        except Unavailable as error:
            log.warning("job_failed", job=job.kind, key=job.key, error=error.detail)
            outcome = failed(kind, job, error.detail)
        except Exception as error:
            log.exception("job_failed", job=job.kind, key=job.key)
            outcome = failed(kind, job, type(error).__name__)
        self._ended(job, outcome)

    def _ended(self, job: HeldJob, outcome: RunOutcome) -> None:
        self._book.ended(job, outcome, self._clock())
        metrics.job_runs.labels(job.kind, "done" if outcome.error is None else "failed").inc()
        if self._book.ends():
            self.wake()  # there is room for another
        else:
            self._wake.set()

    def _note_lost(self, job: HeldJob) -> None:
        log.warning("job_lost", job=job.kind, key=job.key, epoch=job.epoch)
        metrics.job_runs.labels(job.kind, "lost").inc()

    def _show(self) -> None:
        for kind, count in self._book.held().items():
            metrics.jobs_held.labels(kind).set(count)
        if self._book.is_running() or self._book.ends():
            self._is_idle.clear()
        else:
            self._is_idle.set()
