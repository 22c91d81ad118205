"""What a replica tells of itself: from counters to rates. Pure.

A counter only rises, so two looks at it and the time between them are a rate. A replica looks
whenever it renews its lease, every three seconds, and writes the figures with it.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from protocol.dashboard import Position
from protocol.native import HotPath


class Counted(Struct, frozen=True, kw_only=True):
    """Counters at one moment. Seconds are monotonic; the others are since the start."""

    at: float
    cpu_seconds: float
    events: float
    commands: float
    refusals: float
    errors: float


class Queues(Struct, frozen=True, kw_only=True):
    """Number of waiting items."""

    events: int
    """For the database."""
    stream: int
    """For the stream in Redis."""
    batches: int
    """Commands, replies and lines, for a group commit."""


class DatabaseUse(Struct, frozen=True, kw_only=True, rename="camel"):
    connections: int
    """Open now."""
    busy: int
    most: int
    latency_ms: float | None
    """How long the last renewal of the lease took; null before the second one."""


class State(Struct, frozen=True, kw_only=True):
    """What is at this moment."""

    lines: int
    dashboards: int
    queues: Queues
    stream_lag: int | None
    database: DatabaseUse
    redis: Literal["ok", "away"]
    memory_bytes: int
    hot_path: HotPath
    draining: bool


class Figures(Struct, frozen=True, kw_only=True, rename="camel"):
    lines: int
    dashboards: int
    events_per_second: float
    commands_per_second: float
    refusals_per_second: float
    """Sockets and requests that were sent away: overload, draining, too many."""
    errors_per_second: float
    """Requests that failed, frames that did not decode, events given up, appends not taken."""
    queues: Queues
    stream_lag: int | None
    """Events in the stream that dashboards here have not been shown; null when nobody watches."""
    database: DatabaseUse
    redis: Literal["ok", "away"]
    memory_bytes: int
    cpu_percent: float
    """Of one processor."""
    hot_path: HotPath
    """Which functions every event goes through: compiled ones, or their twins in Python."""


class ReplicaReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """What stands in the row of a replica."""

    draining: bool
    figures: Figures


def told(before: Counted | None, now: Counted, state: State) -> ReplicaReport:
    """`before`: the last look; None at the first one, which knows no rates."""
    earlier = before or now

    def rate(of: float, was: float) -> float:
        seconds = now.at - earlier.at
        return round((of - was) / seconds, 2) if seconds > 0 else 0.0

    figures = Figures(
        lines=state.lines,
        dashboards=state.dashboards,
        events_per_second=rate(now.events, earlier.events),
        commands_per_second=rate(now.commands, earlier.commands),
        refusals_per_second=rate(now.refusals, earlier.refusals),
        errors_per_second=rate(now.errors, earlier.errors),
        queues=state.queues,
        stream_lag=state.stream_lag,
        database=state.database,
        redis=state.redis,
        memory_bytes=state.memory_bytes,
        hot_path=state.hot_path,
        cpu_percent=round(100 * rate(now.cpu_seconds, earlier.cpu_seconds), 1),
    )
    return ReplicaReport(draining=state.draining, figures=figures)


def lag(head: Position | None, shown: Position | None) -> int | None:
    """Events between the head of the stream and what was shown; None when nobody is shown any, or
    the two are not of one epoch."""
    if head is None or shown is None or head.epoch != shown.epoch:
        return None
    return max(0, head.offset - shown.offset)


def worst(lags: Iterable[int | None]) -> int | None:
    """Of those that are known; None when none is."""
    return max((each for each in lags if each is not None), default=None)
