"""The device's heartbeat: `status` with metrics of the host, of the agent itself and of programs
beside it, and whether those are ready."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import psutil
from msgspec import UNSET

from device.broker.standing import Standing
from device.commands.book import Book
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.local.named_metrics import NamedMetrics
from device.local.readiness import Readiness
from device.records.queue import RecordQueue
from protocol.telemetry import AgentReadiness, DeviceStatus, Status

_MEGABYTE: Final = 1024 * 1024
LOOK_SECONDS: Final = 0.5
"""How often it is asked whether something else is to be said now."""


class Heartbeat:
    def __init__(
        self,
        *,
        disk_path: str,
        book: Book,
        outbox: DiskOutbox,
        records: RecordQueue,
        production: Production,
        readiness: Readiness,
        programs: NamedMetrics,
        standings: Callable[[], Mapping[str, Standing]],
        is_degraded: Callable[[], bool],
    ) -> None:
        """`standings`: of what the agent itself finds ready or not."""
        self._disk_path = disk_path
        self._book = book
        self._outbox = outbox
        self._records = records
        self._production = production
        self._readiness = readiness
        self._programs = programs
        self._standings = standings
        self._is_degraded = is_degraded
        self._said: tuple[DeviceStatus, list[AgentReadiness] | None] | None = None
        self._agents_on_line: list[AgentReadiness] | None = None
        self._process = psutil.Process()
        self._started = time.monotonic()
        psutil.cpu_percent()  # the first call only begins the measurement

    def status(self) -> Status:
        """Metrics: percentages of 100, sizes in MiB, times in seconds, traffic in bytes."""
        agents = self._agents()
        word = self.word
        self._said = word, agents
        news = UNSET if agents is None or agents == self._agents_on_line else agents
        self._agents_on_line = agents
        programs = self._programs.join(now=time.monotonic())
        return Status(
            status=word,
            ts=datetime.now(UTC),
            metrics={**programs, **self._host(), **self._own()},
            agents=news,
        )

    def line_opened(self) -> None:
        """The hub has heard nothing on this line."""
        self._agents_on_line = None

    @property
    def word(self) -> DeviceStatus:
        if self._production.disabled_because is not None:
            return "DISABLED"
        is_degraded = self._is_degraded() or self._readiness.is_degraded
        return "DEGRADED" if is_degraded else "ONLINE"

    async def follow(self, report: Callable[[], None]) -> None:
        """For ever: `report` when the status, or whether a program is ready, has changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            agents = self._agents()
            if self._said != (self.word, agents):
                report()

    def _agents(self) -> list[AgentReadiness] | None:
        wall = datetime.now(UTC)
        self._readiness.judge(self._standings(), wall=wall)
        self._readiness.look(now=time.monotonic(), wall=wall)
        return self._readiness.said

    def _host(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        metrics = {
            "cpu.percent": psutil.cpu_percent(),
            "cpu.load1": psutil.getloadavg()[0],
            "memory.percent": memory.percent,
            "memory.availableMiB": memory.available / _MEGABYTE,
            "host.uptimeSeconds": time.time() - psutil.boot_time(),
        }
        # Each of these is missing on some machine or in some container.
        with contextlib.suppress(OSError):
            metrics["disk.percent"] = psutil.disk_usage(self._disk_path).percent
        with contextlib.suppress(OSError, AttributeError):
            traffic = psutil.net_io_counters()
            metrics["network.bytesSent"] = traffic.bytes_sent
            metrics["network.bytesReceived"] = traffic.bytes_recv
        with contextlib.suppress(OSError, AttributeError, ValueError):
            metrics["temperature.celsius"] = max(
                sensor.current
                for sensors in psutil.sensors_temperatures().values()
                for sensor in sensors
            )
        return metrics

    def _own(self) -> dict[str, float]:
        return {
            "agent.uptimeSeconds": time.monotonic() - self._started,
            "agent.memoryMiB": self._process.memory_info().rss / _MEGABYTE,
            "commands.running": self._book.running,
            "outbox.depth": self._outbox.depth,
            "outbox.dropped": self._outbox.dropped,
            "queue.depth": self._records.depth,
            "queue.oldestSeconds": self._records.oldest_seconds(),
            "queue.dropped": self._records.dropped,
            "queue.refused": self._records.refused,
        }
