"""The cloud pusher: pushes the lanes that this replica holds, each in order, and writes what the
answers did.

A lane is a job. It is due while something waits in it, and sleeps when it is empty; a replica that
dies leaves it when its lease ends. A record that the cloud has taken, but whose answer or commit
was lost, is sent again and known there by its id."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from msgspec import Struct

from cloud.api import Push
from cloud.client import CloudClient
from hub.base import metrics
from hub.base.errors import Unavailable
from hub.base.jobs import HeldJob, JobKind, LeaseLost, RunOutcome, every
from hub.edge.alarm import CODE, Alarm, CloudAlert
from hub.edge.pushing import LANE, LEASE_SECONDS, Lane, Settlement, WaitingRecord, in_time, settle
from hub.edge.store import EdgeStore, Settled
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

SEVERITY: Final[Severity] = "WARN"
LANES: Final = 4
"""Pushed at one time by a replica."""
LOOK_SECONDS: Final = 1.0
GRAIN: Final = 0.05
BATCHES: Final = 50
"""Then another lane has its turn."""


class CloudPusher:
    """`wake_jobs` is called when a lane may be due. Without a client there is nothing to do."""

    def __init__(
        self,
        store: EdgeStore,
        client: CloudClient | None,
        telemetry: TelemetryWriter,
        *,
        wake_jobs: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._wake_jobs = wake_jobs
        self._clock = clock
        self._draw = draw
        self._alarm = Alarm()
        self._wake = asyncio.Event()
        self.kinds = () if client is None else self._kinds(client)

    def _kinds(self, client: CloudClient) -> tuple[JobKind, ...]:
        async def push(job: HeldJob) -> RunOutcome:
            return await self._push(client, job)

        lane = JobKind(name=LANE, run=push, at_once=LANES, most=LANES, lease=LEASE_SECONDS)
        return lane, every(LOOK_SECONDS, "cloud_lanes", lambda _: self._wake_lanes())

    def wake(self) -> None:
        """There may be something to push."""
        self._wake.set()

    async def run(self) -> None:
        """Wakes lanes as soon as something comes here; what nobody saw the job finds. For ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.kinds:
                try:
                    await self._wake_lanes()
                except Unavailable as error:
                    log.warning("cloud_lanes_not_woken", error=error.detail)
                self._wake_jobs()
            await asyncio.sleep(GRAIN)

    async def _wake_lanes(self) -> None:
        if await self._store.wake_lanes():
            self._wake_jobs()

    async def tell_left_out(self) -> None:
        """Alerts that the second before left out."""
        self._raise(self._alarm.left_out(self._clock()))

    async def _push(self, client: CloudClient, job: HeldJob) -> RunOutcome:
        """A turn of a lane. Raises `Unavailable`."""
        turn = _Turn(job, _lane(job), held_since=self._clock(), failures=job.failures)
        try:
            for _ in range(BATCHES):
                batch = await self._store.next(turn.lane)
                if not batch:
                    return RunOutcome()
                if (outcome := await self._push_batch(client, turn, batch)) is not None:
                    return outcome
            return RunOutcome(wait=0.0)
        finally:
            self.wake()  # something may have come just before it sleeps

    async def _push_batch(
        self, client: CloudClient, turn: "_Turn", batch: Sequence[WaitingRecord]
    ) -> RunOutcome | None:
        """None to go on with this lane."""
        push = Push(batch)
        while waiting := push.next():
            if not in_time(turn.held_since, self._clock()):
                return RunOutcome(wait=0.0)
            items = [each.item for each in waiting]
            answer = await client.send(turn.lane.company_id, batch[0].kind, items)
            settlement = settle(push, answer, failures=turn.failures, draw=self._draw())
            if settlement.new_token:
                client.forget_token()
            turn.held_since = self._clock()
            settled = await self._settle(turn, settlement)
            turn.failures = 0
            if settlement.wait is not None:
                return RunOutcome(wait=settlement.wait, error=settlement.error)
            if not settled.holds:
                raise LeaseLost
            if len(settled.dead) < len(settlement.dead):
                break  # an older record waits again: that one goes first
        return None

    async def _settle(self, turn: "_Turn", settlement: Settlement) -> Settled:
        settled = await self._store.settle(turn.job, settlement)
        metrics.cloud_records.labels("done").inc(len(settlement.done))
        metrics.cloud_records.labels("dead").inc(len(settled.dead))
        if settlement.wait is not None:
            metrics.cloud_failures.inc()
            log.warning(
                "cloud_push_failed",
                error=settlement.error,
                failures=turn.failures + 1,
                retry_in=round(settlement.wait, 1),
            )
        for letter in settled.dead:
            log.error("cloud_dead_letter", kind=letter.kind, error=settlement.error)
            org, now = turn.lane.org, self._clock()
            told = self._alarm.buried(org, letter, settlement.error, now)
            self._raise([told] if told else [])
        return settled

    def _raise(self, alerts: Iterable[CloudAlert]) -> None:
        for each in alerts:
            event = AlertEvent(
                device_id=each.device_id,
                ts=self._telemetry.now(),
                severity=SEVERITY,
                code=CODE,
                message=each.message,
            )
            self._telemetry.alert(each.org, event)


class _Turn(Struct):
    """A lane while it is pushed. `failures` in a row before the next answer."""

    job: HeldJob
    lane: Lane
    held_since: float
    failures: int


def _lane(job: HeldJob) -> Lane:
    if job.org is None:
        raise AssertionError("a lane is of an organisation")
    return Lane(job.org, job.key)
