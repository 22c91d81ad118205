"""Stores batches of events, however often it takes, and acknowledges what is durable in them.

A batch that fails is halved, to find a row that cannot be stored, or because the database may have
been too slow for so many. What a device is told to forget, and what dashboards see of durable
events, follows the commit.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from hub.base import metrics, usage
from hub.base.errors import Unavailable
from hub.telemetry import rows as rows_
from hub.telemetry.device_quotas import DeviceQuotas
from hub.telemetry.rows import EventRow
from hub.telemetry.store import BadRow, Committed, NoPlace, TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

SMALL_BATCH: Final = 1_000
"""Rows that any database that is well commits within the deadline."""
RETRY_SECONDS: Final = 0.5
LATE_SECONDS: Final = 45.0
"""Events that waited longer may have been passed by the roll-up, which stays a minute behind."""


class EventStorer:
    def __init__(
        self,
        store: TelemetryStore,
        upkeep: TelemetryUpkeep,
        stream: StreamWriter,
        quotas: DeviceQuotas,
        clock: Callable[[], float],
        in_trouble: Callable[[], None],
    ) -> None:
        """`clock` gives seconds since 1970. `in_trouble` is called after each failure."""
        self._store = store
        self._upkeep = upkeep
        self._stream = stream
        self._quotas = quotas
        self._clock = clock
        self._in_trouble = in_trouble
        self._failures = 0
        self._trouble = ""

    def trouble(self) -> str | None:
        """Why nothing can be stored now; None when all is well."""
        return self._trouble if self._failures > 1 else None

    async def store(self, batch: list[EventRow]) -> None:
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
        self._in_trouble()
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
        sizes = Counter[OrgId]()
        for row in new:
            sizes[row.source.org] += len(row.line)
        for org, number in Counter(row.source.org for row in new).items():
            usage.count(org, "events", number)
            usage.count(org, "bytes", sizes[org])
        metrics.events_duplicate.inc(len(counting) - len(new))
        for row in new:
            if self._is_shown(row) if row.event.type == rows_.ALERT else row.seq is not None:
                self._stream.put(row.source.org, row.event)
        self._acknowledge(counting)

    def _is_shown(self, row: EventRow) -> bool:
        """All alerts but durable ones beyond the pace, which are told as one of each code."""
        return row.seq is None or self._quotas.takes(row.source, rows_.alert_of(row))

    def _acknowledge(self, batch: list[EventRow]) -> None:
        for source, boot_id, seq in rows_.acknowledgements(batch):
            source.acknowledge(boot_id, seq)


def _halves(batch: list[EventRow]) -> list[list[EventRow]]:
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]
