"""The cloud pusher: claims lanes, pushes each in order, writes what the answers did.

Every replica runs one. A lane belongs to whoever holds its lease; a replica that dies leaves it
when the lease ends. A record that the cloud has taken, but whose answer or commit was lost, is sent
again and known there by its id."""

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
from hub.edge.alarm import CODE, Alarm, CloudAlert
from hub.edge.pushing import Claimed, Settlement, WaitingRecord, in_time, settle
from hub.edge.store import EdgeStore, Settled
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.ids import ReplicaId
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

SEVERITY: Final[Severity] = "WARN"
LANES: Final = 4
"""Pushed at one time by a replica."""
LOOK_SECONDS: Final = 1.0
BATCHES: Final = 50
"""Then another lane has its turn."""


class CloudPusher:
    def __init__(
        self,
        store: EdgeStore,
        client: CloudClient | None,
        telemetry: TelemetryWriter,
        replica_id: ReplicaId,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._client = client
        self._telemetry = telemetry
        self._replica_id = replica_id
        self._clock = clock
        self._draw = draw
        self._alarm = Alarm()
        self._wake = asyncio.Event()
        self._busy = 0

    def wake(self) -> None:
        """There may be something to push."""
        self._wake.set()

    async def run(self) -> None:
        """For ever; without a cloud there is nothing to do."""
        if self._client is None:
            await asyncio.Event().wait()
            return
        async with asyncio.TaskGroup() as tasks:
            while True:
                for claimed in await self._claim():
                    self._busy += 1
                    tasks.create_task(self._push_lane(self._client, claimed))
                await self._look_again()
                self._raise(self._alarm.left_out(self._clock()))

    async def _look_again(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _claim(self) -> list[Claimed]:
        if self._busy >= LANES:
            return []
        try:
            return await self._store.claim(self._replica_id, LANES - self._busy)
        except Unavailable:
            return []

    async def _push_lane(self, client: CloudClient, claimed: Claimed) -> None:
        try:
            await self._push(client, claimed)
        except Unavailable as error:
            log.warning("cloud_lane_left", error=error.detail)  # its lease runs out
        finally:
            self._busy -= 1
            self._wake.set()

    async def _push(self, client: CloudClient, claimed: Claimed) -> None:
        turn = _Turn(claimed, held_since=self._clock(), failures=claimed.failures)
        for _ in range(BATCHES):
            batch = await self._store.next(claimed.lane)
            if not batch:
                break
            if not await self._push_batch(client, turn, batch):
                return
        await self._store.release(claimed.lane, self._replica_id)

    async def _push_batch(
        self, client: CloudClient, turn: "_Turn", batch: Sequence[WaitingRecord]
    ) -> bool:
        """Whether to go on with this lane."""
        company_id, push = turn.claimed.lane.company_id, Push(batch)
        while waiting := push.next():
            if not in_time(turn.held_since, self._clock()):
                return False
            items = [each.item for each in waiting]
            answer = await client.send(company_id, batch[0].kind, items)
            settlement = settle(push, answer, failures=turn.failures, draw=self._draw())
            turn.failures = 0
            if settlement.new_token:
                client.forget_token()
            turn.held_since = self._clock()
            settled = await self._settle(turn.claimed, settlement)
            if not settled.holds:
                return False
            if len(settled.dead) < len(settlement.dead):
                break  # an older record waits again: that one goes first
        return True

    async def _settle(self, claimed: Claimed, settlement: Settlement) -> Settled:
        settled = await self._store.settle(claimed.lane, self._replica_id, settlement)
        metrics.cloud_records.labels("done").inc(len(settlement.done))
        metrics.cloud_records.labels("dead").inc(len(settled.dead))
        if settlement.wait is not None:
            metrics.cloud_failures.inc()
            log.warning(
                "cloud_push_failed",
                error=settlement.error,
                failures=settlement.failures,
                retry_in=round(settlement.wait, 1),
            )
        for letter in settled.dead:
            log.error("cloud_dead_letter", kind=letter.kind, error=settlement.error)
            org, now = claimed.lane.org, self._clock()
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

    claimed: Claimed
    held_since: float
    failures: int
