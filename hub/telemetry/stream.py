"""Events of one tick, appended to the organisation's stream as one batch.

Idle, an event leaves on the next turn of the loop; under load a batch is what came while the last
one was under way. A batch that Redis did not take is sent again under the same number. While Redis
is away the newest `BOUND` events wait; what is shed before Redis is back is a hole that the
stream itself must tell of, so a gap is appended first.
"""

import asyncio
from collections import defaultdict
from typing import Final, Protocol

import structlog

from hub.base import metrics
from protocol.dashboard import GapReason
from protocol.ids import OrgId, ReplicaId
from protocol.stream import Appended, EventBatch, StreamEvent

log = structlog.get_logger(__name__)

BOUND: Final = 50_000
BATCH: Final = 2_000
RETRY_SECONDS: Final = 0.25


class Stream(Protocol):
    """The part of the bus that is needed here. Raises what the writer was told as
    `unavailable`."""

    async def append(self, org: OrgId, batch: EventBatch) -> Appended: ...
    async def append_gap(self, org: OrgId, reason: GapReason, *, source: str) -> Appended: ...


class StreamWriter:
    """One for each replica, because the batch numbers are the replica's."""

    def __init__(
        self, stream: Stream, replica_id: ReplicaId, *, unavailable: type[Exception]
    ) -> None:
        self._stream = stream
        self._replica_id = replica_id
        self._unavailable = unavailable
        self._waiting: defaultdict[OrgId, list[StreamEvent]] = defaultdict(list)
        self._shed: dict[OrgId, int] = {}
        self._number = 0
        self._wake = asyncio.Event()

    def put(self, org: OrgId, event: StreamEvent) -> None:
        waiting = self._waiting[org]
        if len(waiting) >= BOUND:
            del waiting[: BOUND // 10]
            self._shed[org] = self._shed.get(org, 0) + 1
            metrics.events_shed.labels("stream").inc(BOUND // 10)
        waiting.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Append for ever; started once by the composition root."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while orgs := [org for org, waiting in self._waiting.items() if waiting]:
                for org in orgs:
                    await self._append_some(org)

    async def _append_some(self, org: OrgId) -> None:
        batch = self._waiting[org][:BATCH]
        del self._waiting[org][:BATCH]
        self._number += 1
        numbered = EventBatch(replica_id=self._replica_id, number=self._number, events=batch)
        while True:
            try:
                appended = await self._stream.append(org, numbered)
                await self._tell_of_shed(org)
            except self._unavailable:
                metrics.stream_failures.inc()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                metrics.stream_offset.set(appended.last_offset)
                return

    async def _tell_of_shed(self, org: OrgId) -> None:
        if org in self._shed:
            source = f"{self._replica_id}:{self._number}"
            await self._stream.append_gap(org, "bus", source=source)
            log.warning("events_shed", org=org, rounds=self._shed.pop(org))

    def waiting(self) -> int:
        return sum(len(events) for events in self._waiting.values())
