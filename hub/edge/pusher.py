"""The cloud pusher: claims lanes, pushes each in order, writes what the answers did.

Every replica runs one. A lane belongs to whoever holds its lease; a replica that dies leaves it
when the lease ends. A record that the cloud has taken, but whose answer or commit was lost, is sent
again and known there by its id."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

import structlog

from cloud.api import Push
from cloud.client import CloudClient
from hub.base import metrics
from hub.base.errors import Unavailable
from hub.edge.pushing import Claimed, Settlement, in_time, settle
from hub.edge.store import EdgeStore
from protocol.ids import ReplicaId

log = structlog.get_logger(__name__)

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
        replica_id: ReplicaId,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._client = client
        self._replica_id = replica_id
        self._clock = clock
        self._draw = draw
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
        lane, failures = claimed.lane, claimed.failures
        held_since = self._clock()
        for _ in range(BATCHES):
            push = Push(await self._store.next(lane))
            if not push.next():
                break
            while items := push.next():
                if not in_time(held_since, self._clock()):
                    return
                answer = await client.send(lane.company_id, lane.kind, items)
                settlement = settle(push, answer, failures=failures, draw=self._draw())
                failures = 0
                if settlement.new_token:
                    client.forget_token()
                held_since = self._clock()
                if not await self._settle(claimed, settlement):
                    return
        await self._store.release(lane, self._replica_id)

    async def _settle(self, claimed: Claimed, settlement: Settlement) -> bool:
        """Whether to go on with this lane."""
        held = await self._store.settle(claimed.lane, self._replica_id, settlement)
        metrics.cloud_records.labels("done").inc(len(settlement.done))
        metrics.cloud_records.labels("dead").inc(len(settlement.dead))
        if settlement.wait is not None:
            metrics.cloud_failures.inc()
            log.warning(
                "cloud_push_failed",
                kind=claimed.lane.kind,
                error=settlement.error,
                failures=settlement.failures,
                retry_in=round(settlement.wait, 1),
            )
        elif settlement.dead:
            log.error("cloud_dead_letter", kind=claimed.lane.kind, error=settlement.error)
        return held
