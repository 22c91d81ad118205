"""The device's heartbeat: `status` with metrics of the host and of the agent itself."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import psutil

from device.commands.book import Book
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.records.queue import RecordQueue
from protocol.telemetry import DeviceStatus, Status

_MEGABYTE: Final = 1024 * 1024


class Heartbeat:
    def __init__(
        self,
        *,
        disk_path: str,
        book: Book,
        outbox: DiskOutbox,
        records: RecordQueue,
        production: Production,
        is_degraded: Callable[[], bool],
    ) -> None:
        self._disk_path = disk_path
        self._book = book
        self._outbox = outbox
        self._records = records
        self._production = production
        self._is_degraded = is_degraded
        self._process = psutil.Process()
        self._started = time.monotonic()
        psutil.cpu_percent()  # the first call only begins the measurement

    def status(self) -> Status:
        """Metrics: percentages of 100, sizes in MiB, times in seconds, traffic in bytes."""
        return Status(
            status=self._word(), ts=datetime.now(UTC), metrics={**self._host(), **self._agent()}
        )

    def _word(self) -> DeviceStatus:
        if self._production.disabled_because is not None:
            return "DISABLED"
        return "DEGRADED" if self._is_degraded() else "ONLINE"

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

    def _agent(self) -> dict[str, float]:
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
