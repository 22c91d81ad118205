"""Takes events from lines and from the hub itself.

An event without `seq` goes to the stream at once and to the database with the next batch. A durable
event is neither streamed nor acknowledged before it is committed, because only the commit tells
whether it is new; it is never shed. An alert is streamed when it is committed, with the id of its
record.

When rows come faster than the database takes them, lines are not read for a while (`pressure`).
Only when it takes nothing at all are events without `seq` shed, which is counted, and lines that
bring durable ones closed.
"""

import asyncio
import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.base.kept import TAKEN, Kept
from hub.telemetry import rows as rows_
from hub.telemetry.device_quotas import DeviceQuotas
from hub.telemetry.pressure import FULL_ABOVE, Pressure
from hub.telemetry.quota import Quota
from hub.telemetry.rows import EventRow, Source, Stamps
from hub.telemetry.store import TelemetryStore
from hub.telemetry.storing import EventStorer
from hub.telemetry.stream import StreamWriter
from hub.telemetry.taps import EventTap, OrgEvent, Taps
from hub.telemetry.upkeep import TelemetryUpkeep
from protocol.codec import encode, rfc3339
from protocol.dashboard import AlertEvent, DashboardEvent, StatusEvent
from protocol.ids import OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import Alert, Status, Telemetry

log = structlog.get_logger(__name__)

__all__ = ["EventTap", "OrgEvent", "Taps", "TelemetryWriter", "stream_event"]

BATCH: Final = 25_000
"""Rows of one transaction. Under load a transaction takes many turns of a busy loop, whatever its
size: large batches are what keeps up."""
BATCH_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 2.0
"""How long a result may wait for the events that were sent before it: with a database that does not
keep up it goes first, because somebody waits for it, and its deadline passes."""
SHED_ABOVE: Final = 100_000
"""Rows waiting for the database above which events without `seq` are not kept for it."""
REFUSE_ABOVE: Final = 150_000
"""Rows waiting above which a durable event closes its line."""


class TelemetryWriter:
    def __init__(
        self,
        store: TelemetryStore,
        upkeep: TelemetryUpkeep,
        stream: StreamWriter,
        clock: Callable[[], float] = time.time,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        day_bytes: int = 0,
    ) -> None:
        """`day_bytes`: how much of what a device sends is stored in a day; 0 = no limit."""
        self.taps = store.taps
        self._monotonic = monotonic
        self._stream = stream
        self._clock = clock
        self._quotas = DeviceQuotas(self, monotonic, day_bytes=day_bytes)
        self._storer = EventStorer(store, upkeep, stream, self._quotas, clock, self._give_room)
        self.pressure = Pressure()
        self._stamps = Stamps()
        self._rows: list[EventRow] = []
        self._storing = False
        self._wake = asyncio.Event()
        self._taken = 0
        self._done = 0
        self._awaited: list[tuple[int, int, asyncio.Future[None]]] = []
        self._calls = itertools.count()
        self._hurry = asyncio.Event()

    # From lines, and from the hub

    def put(self, source: Source, message: Telemetry) -> Kept:
        """An event that a device sent. Every event pays for each line of this."""
        quota = source.quota or self._quotas.of(source)
        outcome = TAKEN
        if type(message) is Status:
            if message.metrics and not quota.names.issuperset(message.metrics):
                message, outcome = self._quotas.known(quota, message)
        elif type(message) is Alert:
            return self._put_alert(source, quota, message)
        row = rows_.make_row(source, message, self._stamps.next(self._clock()))
        quota.left -= len(row.line)
        if quota.left < 0:
            outcome = self._quotas.beyond(source, quota, row) or outcome
        rows = self._rows
        if row.seq is None:
            if outcome is Kept.FULL:
                return outcome
            self._stream.put(source.org, row.event)
            if len(rows) >= SHED_ABOVE:
                metrics.events_shed.labels("database").inc()
                return outcome
        elif refusal := self._refusal(source, quota, row):
            return refusal
        if not rows or len(rows) >= FULL_ABOVE:
            self._notice(len(rows))
        rows.append(row)
        source.kept = self._taken + len(rows)
        return outcome

    def _put_alert(self, source: Source, quota: Quota, alert: Alert) -> Kept:
        """As `put`, but that it is shown when it is committed."""
        if not self._quotas.is_published_now(source, alert):
            return TAKEN
        row = rows_.make_row(source, alert, self._stamps.next(self._clock()))
        outcome = TAKEN
        quota.left -= len(row.line)
        if quota.left < 0:
            outcome = self._quotas.beyond(source, quota, row) or outcome
        if row.seq is None:
            if outcome is Kept.FULL:
                return outcome
            if len(self._rows) >= REFUSE_ABOVE:
                metrics.events_shed.labels("database").inc()
                return outcome
        elif refusal := self._refusal(source, quota, row):
            return refusal
        self._notice(len(self._rows))
        self._rows.append(row)
        source.kept = self._taken + len(self._rows)
        return outcome

    def _refusal(self, source: Source, quota: Quota, row: EventRow) -> Kept | None:
        """Why a durable event is not taken."""
        if len(self._rows) >= REFUSE_ABOVE:
            return Kept.REFUSED
        boots, before = quota.boots, quota.boots.refused
        if boots.takes(row.boot_id or "", source.generation, self._monotonic()):
            return None
        quota.left += len(row.line)
        if boots.refused > before == 0:
            log.warning("device_starts_too_often", device_id=source.device_id)
        return Kept.TOO_MANY_STARTS

    def _notice(self, count: int) -> None:
        self._wake.set()
        if self._storer.trouble() is None:
            self.pressure.rows(count)

    def _give_room(self) -> None:
        """Lines go on, one in each turn of the loop, until rows are too many again. All do when
        the database takes nothing: nobody knows for how long, and commands need lines."""
        self.pressure.rows(0 if self._storer.trouble() else len(self._rows))
        go_on = self.pressure.next()
        if go_on is not None:
            go_on()
            asyncio.get_running_loop().call_soon(self._give_room)

    def _keep(self, row: EventRow) -> None:
        if not self._rows:
            self._wake.set()
        self._rows.append(row)

    def publish(self, org: OrgId, event: DashboardEvent, level: str = "") -> None:
        """An event of the hub's own, for dashboards. Presence is kept, too."""
        if isinstance(event, StatusEvent) and len(self._rows) < SHED_ABOVE:
            self._keep(rows_.hub_row(org, event, self._stamps.next(self._clock())))
        self._stream.put(org, stream_event(event, level))

    def alert(self, org: OrgId, event: AlertEvent) -> None:
        """An alert that the hub itself raises of a device: kept and shown like one of its own."""
        if len(self._rows) < REFUSE_ABOVE:
            self._keep(rows_.hub_row(org, event, self._stamps.next(self._clock())))

    def show(self, org: OrgId, event: AlertEvent) -> None:
        self._stream.put(org, stream_event(event, event.severity))

    async def raise_alert(
        self, connection: Connection, org: OrgId, event: AlertEvent, *, subject: str
    ) -> None:
        """An alert about no device but `subject`: in the transaction of what it tells of."""
        alert = stream_event(event, event.severity)
        await self.tell(
            connection, org, await self.taps.note(connection, [(org, alert)], subject=subject)
        )

    async def tell(self, connection: Connection, org: OrgId, events: Sequence[StreamEvent]) -> None:
        """These become true with this transaction: kept in it, and shown when it is committed."""
        await self.taps.keep(connection, [(org, each) for each in events])
        after_commit(lambda: self._show_all(org, events))

    def _show_all(self, org: OrgId, events: Sequence[StreamEvent]) -> None:
        for each in events:
            self._stream.put(org, each)

    def now(self) -> str:
        """The present moment as it travels."""
        return rfc3339(datetime.fromtimestamp(self._clock(), UTC))

    async def run(self) -> None:
        """Store for ever; started once by the composition root."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._rows:
                if len(self._rows) < BATCH:
                    await self._linger()
                self._hurry.clear()
                await self._store_some()

    async def _linger(self) -> None:
        """For more to come, unless somebody waits."""
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def stored(self, source: Source) -> "asyncio.Future[None] | None":
        """Done when all that came from it so far is committed, or after `PATIENCE_SECONDS`; None
        when it is committed."""
        if source.kept <= self._done:
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._awaited, (source.kept, next(self._calls), future))
        loop.call_later(PATIENCE_SECONDS, _settle, future)
        self._hurry.set()
        return future

    def trouble(self) -> str | None:
        """Why nothing can be stored now; None when all is well."""
        return self._storer.trouble()

    async def flush(self) -> None:
        """Wait until every event that came is stored and in the stream."""
        while self._rows or self._storing or not self._stream.idle():  # noqa: ASYNC110 - three
            await asyncio.sleep(BATCH_SECONDS)

    async def _store_some(self) -> None:
        batch, self._rows = self._rows[:BATCH], self._rows[BATCH:]
        self._taken += len(batch)
        self._give_room()
        metrics.queue_depth.labels("events").set(len(self._rows))
        metrics.batch_size.labels("events").observe(len(batch))
        for kind, count in Counter(row.event.type for row in batch).items():
            metrics.events_received.labels(kind).inc(count)
        self._storing = True
        try:
            with metrics.batch_seconds.labels("events").time():
                await self._storer.store(batch)
        finally:
            self._storing = False
        self._done += len(batch)
        self._give_room()
        while self._awaited and self._awaited[0][0] <= self._done:
            _settle(heapq.heappop(self._awaited)[2])

    def waiting(self) -> int:
        return len(self._rows)


def stream_event(event: DashboardEvent, level: str = "") -> StreamEvent:
    kind = str(event.__struct_config__.tag)
    return StreamEvent(event.device_id or "", kind, level, encode(event))


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
