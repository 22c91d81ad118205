"""Takes events from lines and from the hub itself.

An event without `seq` goes to the stream at once and to the database with the next batch; it may
be shed when the database does not keep up, and that is counted. A durable event is neither
streamed nor acknowledged before it is committed, because only the commit tells whether it is new;
it is never shed: when too many wait, the line that brings another is closed instead.
"""

import asyncio
import heapq
import itertools
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog
from msgspec import structs

from hub.base import metrics
from hub.base.errors import Unavailable
from hub.base.kept import TAKEN, Kept
from hub.telemetry import rows as rows_
from hub.telemetry.quota import Quota
from hub.telemetry.rows import EventRow, Source, Stamps
from hub.telemetry.store import BadRow, Committed, NoPlace, TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from protocol.codec import encode, rfc3339
from protocol.dashboard import AlertEvent, DashboardEvent, StatusEvent
from protocol.ids import DeviceId, OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import Alert, Severity, Status, Telemetry

log = structlog.get_logger(__name__)

BATCH: Final = 25_000
"""Rows of one transaction. Under load a transaction takes many turns of a busy loop, whatever its
size: large batches are what keeps up."""
BATCH_SECONDS: Final = 0.02
SMALL_BATCH: Final = 1_000
"""Rows that any database that is well commits within the deadline."""
RETRY_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 2.0
"""How long a result may wait for the events that were sent before it: with a database that does not
keep up it goes first, because somebody waits for it, and its deadline passes."""
LATE_SECONDS: Final = 45.0
"""Events that waited longer may have been passed by the roll-up, which stays a minute behind."""
SHED_ABOVE: Final = 100_000
"""Rows waiting for the database above which events without `seq` are not kept for it."""
REFUSE_ABOVE: Final = 150_000
"""Rows waiting above which a durable event closes its line."""
MOST_QUOTAS: Final = 50_000
FULL: Final = "device_day_full"


class TelemetryService:
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
        self._monotonic = monotonic
        self._day_bytes = day_bytes
        self._quotas: OrderedDict[tuple[OrgId, DeviceId], Quota] = OrderedDict()
        self._store = store
        self._upkeep = upkeep
        self._stream = stream
        self._clock = clock
        self._stamps = Stamps()
        self._rows: list[EventRow] = []
        self._storing = False
        self._wake = asyncio.Event()
        self._failures = 0
        self._trouble = ""
        self._taken = 0
        self._done = 0
        self._awaited: list[tuple[int, int, asyncio.Future[None]]] = []
        self._calls = itertools.count()
        self._hurry = asyncio.Event()

    # From lines, and from the hub

    def put(self, source: Source, message: Telemetry) -> Kept:
        """An event that a device sent. Every event pays for each line of this."""
        quota = source.quota or self._quota_of(source)
        outcome = TAKEN
        if type(message) is Status:
            if message.metrics and not quota.names.issuperset(message.metrics):
                message, outcome = self._known(quota, message)
        elif type(message) is Alert and not self._is_told_now(source, message):
            return outcome
        row = rows_.make_row(source, message, self._stamps.next(self._clock()))
        quota.left -= len(row.line)
        if quota.left < 0:
            outcome = self._beyond(source, quota, row) or outcome
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
        if not rows:
            self._wake.set()
        rows.append(row)
        source.kept = self._taken + len(rows)
        return outcome

    def _known(self, quota: Quota, status: Status) -> tuple[Status, Kept]:
        """Without the metrics that are too many."""
        before = status.metrics or {}
        known = quota.known(before, self._monotonic())
        if known is before:
            return status, TAKEN
        return structs.replace(status, metrics=known), Kept.TOO_MANY_METRICS

    def _beyond(self, source: Source, quota: Quota, row: EventRow) -> Kept | None:
        """What the day's sum makes of an event, when it is used up; None on a new day."""
        if quota.renewed(len(row.line), self._monotonic()):
            return None
        self._tell_full(source, quota)
        if row.seq is not None:
            return Kept.SLOWED
        metrics.events_shed.labels("day").inc()
        return Kept.FULL

    def _is_told_now(self, source: Source, alert: Alert) -> bool:
        """Durable alerts are stored each by itself; whether they are told is decided then."""
        return alert.seq is not None or self._takes(source, alert)

    def _takes(self, source: Source, alert: Alert) -> bool:
        quota = source.quota
        later = partial(self._tell_later, source)
        return quota is None or quota.alerts.takes(alert, self._monotonic(), later=later)

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

    def _quota_of(self, source: Source) -> Quota:
        place = (source.org, source.device_id)
        quota = self._quotas.get(place)
        if quota is None:
            quota = self._quotas[place] = Quota(self._day_bytes, self._monotonic())
            if len(self._quotas) > MOST_QUOTAS:
                self._quotas.popitem(last=False)
        self._quotas.move_to_end(place)
        source.quota = quota
        return quota

    def _tell_full(self, source: Source, quota: Quota) -> None:
        """Once a day."""
        if quota.told:
            return
        quota.told = True
        message = f"over {self._day_bytes} bytes in a day: telemetry without seq is shed"
        log.warning("device_day_full", device_id=source.device_id)
        self.alert(source.org, self._alert_event(source, "WARN", FULL, message))

    def _tell_later(self, source: Source) -> None:
        """Alerts beyond the pace are told as one of each code, when the second is over."""
        asyncio.get_running_loop().call_later(1.0, self._tell_summed, source)

    def _tell_summed(self, source: Source) -> None:
        for summed in source.quota.alerts.summed() if source.quota else ():
            alert = summed.alert
            event = self._alert_event(source, alert.severity, alert.code, alert.message)
            event = structs.replace(event, count=summed.count)
            if summed.stored:
                self._show(source.org, event)
            else:
                self.alert(source.org, event)

    def _alert_event(
        self, source: Source, severity: Severity, code: str, message: str
    ) -> AlertEvent:
        return AlertEvent(
            device_id=source.device_id,
            ts=self.now(),
            severity=severity,
            code=code,
            message=message,
        )

    def _keep(self, row: EventRow) -> None:
        if not self._rows:
            self._wake.set()
        self._rows.append(row)

    def publish(self, org: OrgId, event: DashboardEvent, level: str = "") -> None:
        """An event of the hub's own, for dashboards. Presence is kept, too."""
        if isinstance(event, StatusEvent) and len(self._rows) < SHED_ABOVE:
            self._keep(rows_.hub_row(org, event, self._stamps.next(self._clock())))
        kind = str(event.__struct_config__.tag)
        self._stream.put(org, StreamEvent(event.device_id or "", kind, level, encode(event)))

    def alert(self, org: OrgId, event: AlertEvent) -> None:
        """An alert that the hub itself raises: shown and kept like one of the device."""
        if len(self._rows) < REFUSE_ABOVE:
            self._keep(rows_.hub_row(org, event, self._stamps.next(self._clock())))
        self._show(org, event)

    def _show(self, org: OrgId, event: AlertEvent) -> None:
        self._stream.put(org, StreamEvent(event.device_id, "alert", event.severity, encode(event)))

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
        return self._trouble if self._failures > 1 else None

    async def flush(self) -> None:
        """Wait until every event that came is stored and in the stream."""
        while self._rows or self._storing or not self._stream.idle():  # noqa: ASYNC110 - three
            await asyncio.sleep(BATCH_SECONDS)

    async def _store_some(self) -> None:
        batch, self._rows = self._rows[:BATCH], self._rows[BATCH:]
        self._taken += len(batch)
        metrics.queue_depth.labels("events").set(len(self._rows))
        metrics.batch_size.labels("events").observe(len(batch))
        for kind, count in Counter(row.event.type for row in batch).items():
            metrics.events_received.labels(kind).inc(count)
        self._storing = True
        try:
            with metrics.batch_seconds.labels("events").time():
                await self._store_all(batch)
        finally:
            self._storing = False
        self._done += len(batch)
        while self._awaited and self._awaited[0][0] <= self._done:
            _settle(heapq.heappop(self._awaited)[2])

    async def _store_all(self, batch: list[EventRow]) -> None:
        """Store a batch, however often it takes."""
        parts = [batch]
        while parts:
            parts += reversed(await self._store_once(parts.pop()))

    async def _store_once(self, batch: list[EventRow]) -> list[list[EventRow]]:
        """What is still to be stored of it, in order. It is halved to find a row that cannot be
        stored, and when the database may have been too slow for so many."""
        try:
            late_before = int((self._clock() - LATE_SECONDS) * 1_000_000)
            committed = await self._store.commit(batch, late_before=late_before)
            metrics.events_shed.labels("superseded").inc(len(batch) - len(committed.counting))
        except BadRow as error:
            return self._refuse_or_halve(batch, error)
        except Exception as error:
            await self._failed(batch, error)
            return _halves(batch) if len(batch) > SMALL_BATCH else [batch]
        self._stored(committed)
        return []

    def _refuse_or_halve(self, batch: list[EventRow], error: BadRow) -> list[list[EventRow]]:
        if len(batch) > 1:
            return _halves(batch)
        log.warning("event_refused", device_id=batch[0].source.device_id, error=str(error))
        metrics.events_shed.labels("bad").inc()
        self._acknowledge(batch)
        return []

    async def _failed(self, batch: list[EventRow], error: Exception) -> None:
        self._failures += 1
        self._trouble = f"events cannot be stored ({type(error).__name__})"
        if isinstance(error, NoPlace):
            log.warning("no_partition", error=str(error))
            moments = sorted({rows_.moment_of(row) for row in (batch[0], batch[-1])})
            try:
                await self._upkeep.make_room(moments)
            except Exception:
                log.exception("no_partitions_made")
        elif not isinstance(error, Unavailable):
            log.error("events_not_stored", rows=len(batch), exc_info=error)
        if self._failures > 1 or not isinstance(error, NoPlace):
            await asyncio.sleep(RETRY_SECONDS)

    def _stored(self, committed: Committed) -> None:
        self._failures = 0
        new, counting = committed
        metrics.events_stored.inc(len(new))
        metrics.events_duplicate.inc(len(counting) - len(new))
        for row in new:
            if row.seq is not None and self._is_shown(row):
                self._stream.put(row.source.org, row.event)
        self._acknowledge(counting)

    def _is_shown(self, row: EventRow) -> bool:
        """All but durable alerts beyond the pace, which are told as one of each code."""
        return row.event.type != "alert" or self._takes(row.source, rows_.alert_of(row))

    def _acknowledge(self, batch: list[EventRow]) -> None:
        for source, boot_id, seq in rows_.acknowledgements(batch):
            source.acknowledge(boot_id, seq)

    def waiting(self) -> int:
        return len(self._rows)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _halves(batch: list[EventRow]) -> list[list[EventRow]]:
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]
