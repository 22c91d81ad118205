"""Events of one tick, appended to the organisation's stream as one batch.

Idle, an event leaves on the next turn of the loop; under load a batch is what came while the last
one was under way. A batch that Redis did not take is sent again under the same number, and what
comes meanwhile waits behind it. While Redis is away the dashboards of this replica are shown what
waits, the newest `BOUND` events are kept, and of what was shed the stream itself must tell: when
Redis is back, a gap is appended first. So it does of events that nobody could put.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from hub.base import metrics
from protocol.dashboard import GapReason
from protocol.ids import OrgId, ReplicaId
from protocol.stream import Appended, EventBatch, StreamEvent

log = structlog.get_logger(__name__)

BOUND: Final = 50_000
BATCH: Final = 5_000
"""Events of one entry: a busy loop gets to append only every few turns, and must keep up."""
RETRY_SECONDS: Final = 0.1
TICK_SECONDS: Final = 0.003
"""Between two appends: one that follows a pause of this length waits for nothing."""


class Stream(Protocol):
    """The part of the bus that is needed here. Raises what the writer was told as
    `unavailable`."""

    async def append(self, org: OrgId, batch: EventBatch) -> Appended: ...
    async def append_gap(self, org: OrgId, reason: GapReason, *, source: str) -> Appended: ...


class StreamBacklog:
    """What one organisation's stream has not taken: whole batches that were numbered while it was
    away, and then single events."""

    def __init__(self) -> None:
        self.batches: deque[EventBatch] = deque()
        self.events: list[StreamEvent] = []
        self.shed = 0
        self.missed = False
        """Events of it may never have been put here."""

    def __len__(self) -> int:
        return sum(len(batch.events) for batch in self.batches) + len(self.events)

    def shed_beyond(self, bound: int) -> None:
        """The oldest go."""
        excess = len(self) - bound
        if excess <= 0:
            return
        lost = 0
        while self.batches and lost < excess:
            lost += len(self.batches.popleft().events)
        rest = max(0, excess - lost)
        del self.events[:rest]
        self.shed += lost + rest
        metrics.events_shed.labels("stream").inc(lost + rest)


class StreamWriter:
    """One for each replica, because the batch numbers are the replica's. `show` is for events that
    the stream does not take now."""

    def __init__(
        self,
        stream: Stream,
        replica_id: ReplicaId,
        *,
        show: Callable[[OrgId, EventBatch], None],
        unavailable: type[Exception],
    ) -> None:
        self._stream = stream
        self._replica_id = replica_id
        self._show = show
        self._unavailable = unavailable
        self._waiting: defaultdict[OrgId, StreamBacklog] = defaultdict(StreamBacklog)
        self._number = 0
        self._gaps = 0
        self._appending = False
        self._wake = asyncio.Event()

    def put(self, org: OrgId, event: StreamEvent) -> None:
        events = self._waiting[org].events
        if not events:
            self._wake.set()
        events.append(event)

    def missed(self, org: OrgId) -> None:
        """Events may be missing that nobody knows: whoever watches is to look anew."""
        self._waiting[org].missed = True
        self._wake.set()

    async def run(self) -> None:
        """Append for ever; started once by the composition root."""
        loop = asyncio.get_running_loop()
        appended = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            pause = TICK_SECONDS - (loop.time() - appended)
            await asyncio.sleep(0 if self.waiting() >= BATCH else pause)
            for org, waiting in list(self._waiting.items()):
                self._appending = True
                if waiting.missed:
                    await self._tell_of_missed(org, waiting)
                if len(waiting):
                    await self._append_some(org)
                self._appending = False
            appended = loop.time()
            if self.waiting():
                self._wake.set()

    async def _append_some(self, org: OrgId) -> None:
        waiting = self._waiting[org]
        waiting.shed_beyond(BOUND)
        batch = waiting.batches.popleft() if waiting.batches else self._next_batch(waiting)
        shown = False
        while True:
            try:
                await self._tell_of_shed(org, waiting)
                appended = await self._stream.append(org, batch)
            except self._unavailable:
                metrics.stream_failures.inc()
                if not shown:
                    self._show(org, batch)
                shown = True
                self._show_waiting(org, waiting)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                metrics.stream_offset.set(appended.last_offset)
                return

    def _next_batch(self, waiting: StreamBacklog) -> EventBatch:
        events, waiting.events = waiting.events[:BATCH], waiting.events[BATCH:]
        self._number += 1
        return EventBatch(replica_id=self._replica_id, number=self._number, events=events)

    def _show_waiting(self, org: OrgId, waiting: StreamBacklog) -> None:
        """What came meanwhile becomes batches, so that the stream can tell what was shown."""
        while waiting.events:
            batch = self._next_batch(waiting)
            self._show(org, batch)
            waiting.batches.append(batch)
        waiting.shed_beyond(BOUND)

    async def _tell_of_missed(self, org: OrgId, waiting: StreamBacklog) -> None:
        """Later, when the stream does not take it now."""
        source = f"{self._replica_id}:missed:{self._gaps}"
        try:
            await self._stream.append_gap(org, "bus", source=source)
        except self._unavailable:
            metrics.stream_failures.inc()
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wake.set)
        else:
            self._gaps += 1
            waiting.missed = False

    async def _tell_of_shed(self, org: OrgId, waiting: StreamBacklog) -> None:
        if waiting.shed:
            source = f"{self._replica_id}:{self._number}"
            await self._stream.append_gap(org, "bus", source=source)
            log.warning("events_shed", org=org, events=waiting.shed)
            waiting.shed = 0

    def idle(self) -> bool:
        """Whether everything that was put is in the stream."""
        missed = any(waiting.missed for waiting in self._waiting.values())
        return not (self._appending or missed or self.waiting())

    def waiting(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())
