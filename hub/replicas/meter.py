"""Reads the instruments of a replica: for `/metrics`, and for what it tells of itself."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import psutil
from prometheus_client import Counter

from dashboard_ws.dashboards import Dashboards
from hub.base import metrics
from hub.base.foundation import Foundation
from hub.commands.service import CommandService
from hub.lines.service import LineService
from hub.replicas.figures import (
    Counted,
    DatabaseUse,
    Queues,
    ReplicaReport,
    State,
    lag,
    told,
    worst,
)
from hub.telemetry.stream import StreamWriter
from hub.telemetry.writer import TelemetryWriter
from protocol import native

_SENT_AWAY: Final = frozenset({"429", "503"})
_FAILED: Final = frozenset({"500"})


class Meter:
    def __init__(
        self,
        base: Foundation,
        lines: LineService,
        commands: CommandService,
        telemetry: TelemetryWriter,
        stream: StreamWriter,
        dashboards: Dashboards,
    ) -> None:
        self._base = base
        self._lines = lines
        self._commands = commands
        self._telemetry = telemetry
        self._stream = stream
        self._dashboards = dashboards
        self._process = psutil.Process()
        self._before: Counted | None = None

    def set_gauges(self) -> None:
        """Those that nobody sets when they change."""
        metrics.dashboards.set(self._dashboards.sockets())
        metrics.event_streams.set(self._dashboards.streams())
        metrics.queue_depth.labels("stream").set(self._stream.waiting())
        metrics.queue_depth.labels("events").set(self._telemetry.waiting())
        metrics.lines_held.set(len(self._telemetry.pressure))

    def tell(self, latency: float | None) -> ReplicaReport:
        """Since it was last asked. `latency`: seconds that the database took of late."""
        now = _counted()
        before, self._before = self._before, now
        return told(before, now, self._state(latency))

    def _state(self, latency: float | None) -> State:
        pool = self._base.database.use()
        return State(
            lines=len(self._lines.registry),
            dashboards=self._dashboards.sockets(),
            queues=Queues(
                events=self._telemetry.waiting(),
                stream=self._stream.waiting(),
                batches=self._lines.waiting() + self._commands.waiting(),
            ),
            stream_lag=worst(
                lag(self._base.bus.seen(org), self._dashboards.shown(org))
                for org in self._dashboards.watched()
            ),
            database=DatabaseUse(
                connections=pool.connections,
                busy=pool.busy,
                most=pool.most,
                latency_ms=None if latency is None else round(latency * 1000, 1),
            ),
            redis="ok" if self._base.bus.is_well() else "away",
            memory_bytes=self._process.memory_info().rss,
            hot_path=native.hot_path,
            draining=self._base.is_draining(),
        )


def _counted() -> Counted:
    return Counted(
        at=time.monotonic(),
        cpu_seconds=time.process_time(),
        events=_sum(metrics.events_received, lambda labels: labels["type"] != "presence"),
        commands=_sum(metrics.commands_accepted),
        refusals=_sum(metrics.refused_sockets)
        + _sum(metrics.requests, lambda labels: labels["status"] in _SENT_AWAY),
        errors=_sum(metrics.requests, lambda labels: labels["status"] in _FAILED)
        + _sum(metrics.invalid_frames)
        + _sum(metrics.events_shed)
        + _sum(metrics.stream_failures),
    )


def _sum(counter: Counter, wanted: Callable[[Mapping[str, str]], bool] = lambda _: True) -> float:
    """Over the labels that are wanted."""
    return sum(
        sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and wanted(sample.labels)
    )
