"""Reads back what devices sent and what the hub itself said of them, for REST."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from hub.base.paging import Items, decode_cursor, encode_cursor
from hub.base.patterns import containing
from hub.base.retention import ShownOf, days, everything, hours, not_before
from hub.telemetry.rows import LEVEL_NUMBER
from hub.telemetry.store import TelemetryStore
from hub.telemetry.upkeep import TelemetryUpkeep
from protocol.codec import rfc3339
from protocol.commands import LEVELS, Level
from protocol.ids import DeviceId, OrgId

MOST_CHANGES: Final = 2_000
"""Of the state of a device, in one answer: the newest."""
FINEST_STEP: Final = timedelta(seconds=10)
ROLLED_STEP: Final = timedelta(minutes=5)

OF_WORKLOADS: Final = "workload."
"""How names of metrics begin that are in no status event, and only in roll-ups."""


class LogRecord(Struct, frozen=True, rename="camel", kw_only=True):
    ts: str
    received_at: str
    level: Level
    line: str
    source: str | None
    command_id: str | None


class EventRecord(Struct, frozen=True, rename="camel", kw_only=True):
    """`event` is the event as dashboards saw it, without `epoch` and `offset`."""

    type: str
    received_at: str
    event: dict[str, Any]


class StateChange(Struct, frozen=True, kw_only=True):
    """`connected` and `generation` are present when a connection opened or closed."""

    at: str
    status: str
    connected: bool | None
    generation: int | None


class MetricPoint(Struct, frozen=True, kw_only=True):
    ts: str
    count: int
    avg: float
    min: float
    max: float


class Span(Struct, frozen=True, kw_only=True):
    """By the hub's time of receipt, both ends included."""

    since: datetime | None = None
    until: datetime | None = None


class TelemetryReader:
    def __init__(
        self,
        store: TelemetryStore,
        upkeep: TelemetryUpkeep,
        clock: Callable[[], float] = time.time,
        shown_of: ShownOf = everything,
    ) -> None:
        self._store = store
        self._shown_of = shown_of
        self._upkeep = upkeep
        self._clock = clock

    async def logs(
        self,
        org: OrgId,
        device_id: DeviceId,
        span: Span,
        *,
        level: Level | None,
        source: str | None,
        command_id: str | None,
        q: str | None,
        cursor: str | None,
        limit: int,
    ) -> Items[LogRecord]:
        before = _before(cursor)
        shown = days((await self._shown_of(org)).log_days)
        rows = await self._store.logs(
            org,
            device_id,
            not_before(span.since, shown, self._now()),
            span.until,
            before,
            None if level is None else LEVEL_NUMBER[level],
            source,
            command_id,
            limit + 1,
            None if not q else containing(q),
        )
        return _page([(row["received_at"], _log_record(row)) for row in rows], limit)

    async def events(
        self,
        org: OrgId,
        device_id: DeviceId,
        span: Span,
        *,
        kinds: Sequence[str] | None,
        only_presence: bool = False,
        cursor: str | None,
        limit: int,
    ) -> Items[EventRecord]:
        before = _before(cursor)
        shown = hours((await self._shown_of(org)).raw_hours)
        since = not_before(span.since, shown, self._now())
        rows = await self._store.events(
            org, device_id, since, span.until, before, kinds, limit + 1, only_presence
        )
        return _page([(row["received_at"], _event_record(device_id, row)) for row in rows], limit)

    async def states(self, org: OrgId, device_id: DeviceId, span: Span) -> list[StateChange]:
        """How the state of a device changed, the oldest first; begins with what stood before."""
        now = self._now()
        until = span.until or now
        shown = hours((await self._shown_of(org)).raw_hours)
        since = span.since or until - timedelta(days=1)
        since = not_before(since, shown, now) or since
        rows = await self._store.states(org, device_id, since, until, MOST_CHANGES)
        return [
            StateChange(
                at=rfc3339(row["received_at"]),
                status=row["status"],
                connected=row["connected"],
                generation=row["generation"],
            )
            for row in reversed(rows)
        ]

    async def metrics(
        self,
        org: OrgId,
        device_ids: list[DeviceId],
        name: str,
        span: Span,
        step: timedelta | None,
        *,
        most_points: int,
    ) -> dict[DeviceId, list[MetricPoint]]:
        """One metric of each of these devices that there is, in steps; beyond the retention of raw
        events from the roll-ups."""
        now = self._now()
        until = span.until or now
        since = span.since or until - timedelta(hours=1)
        since = not_before(since, days((await self._shown_of(org)).metric_days), now) or since
        rolled_up = since < now - timedelta(hours=self._upkeep.keep.raw_hours)
        rolled_up = rolled_up or name.startswith(OF_WORKLOADS)
        finest = ROLLED_STEP if rolled_up else FINEST_STEP
        smallest = max(finest, (until - since) / most_points)
        rows = await self._store.metrics(
            org,
            device_ids,
            name,
            since=since,
            until=until,
            step=max(step or smallest, smallest),
            rolled_up=rolled_up,
        )
        points: dict[DeviceId, list[MetricPoint]] = {}
        for row in rows:
            of_device = points.setdefault(DeviceId(row["device_id"]), [])
            if row["bucket"] is not None:
                of_device.append(_point(row))
        return points

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def metric_names(self, org: OrgId, device_id: DeviceId) -> list[str]:
        """What a device measured of late."""
        return await self._store.metric_names(org, device_id)

    async def log_sources(self, org: OrgId, device_id: DeviceId) -> list[str]:
        """The sources of the newest log lines of a device."""
        return await self._store.log_sources(org, device_id)


def _before(cursor: str | None) -> datetime | None:
    key = decode_cursor(cursor)
    return key[0] if key else None


def _page(rows: list[tuple[datetime, Any]], limit: int) -> Items[Any]:
    items = [item for _, item in rows[:limit]]
    more = len(rows) > limit
    return Items(items, encode_cursor((rows[limit - 1][0], "")) if more else None)


def _log_record(row: Any) -> LogRecord:
    return LogRecord(
        ts=rfc3339(row["ts"]),
        received_at=rfc3339(row["received_at"]),
        level=LEVELS[int(row["level"])],
        line=row["line"],
        source=row["source"],
        command_id=row["command_id"],
    )


def _event_record(device_id: DeviceId, row: Any) -> EventRecord:
    body: dict[str, Any] = row["body"]
    if row["type"] == "status":
        at = body.pop("at", None)
        ts = body["ts"] if at is None else rfc3339(datetime.fromisoformat(at))
        body = {"type": "status", "deviceId": device_id, "ts": ts, **body}
    return EventRecord(type=row["type"], received_at=rfc3339(row["received_at"]), event=body)


def _point(row: Any) -> MetricPoint:
    return MetricPoint(
        ts=rfc3339(row["bucket"]),
        count=row["count"],
        avg=row["avg"],
        min=row["min"],
        max=row["max"],
    )
