"""Tells the hub what has become of workloads, and what they use."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from device.base.errors import JournalUnavailable
from device.events.disk_outbox import DiskOutbox
from device.line.uplink import Uplink
from device.workloads.notes import TOLD, Notes
from device.workloads.reconcile import Container
from device.workloads.reports import Reports
from device.workloads.scene import Scene
from protocol.workloads import WORKLOAD_STATUS, ServiceUsage

if TYPE_CHECKING:
    from device.workloads.engine import Engine

LOOK_SECONDS: Final = 30.0
USAGE_SECONDS: Final = 60.0
AT_ONCE: Final = 4


class WorkloadReporter:
    """`engine` answers the present one, if there is one."""

    def __init__(
        self,
        scene: Scene,
        notes: Notes,
        *,
        outbox: DiskOutbox,
        uplink: Uplink,
        engine: Callable[[], "Engine | None"],
    ) -> None:
        """Raises `StateUnavailable`."""
        self._scene = scene
        self._notes = notes
        self._outbox = outbox
        self._uplink = uplink
        self._engine = engine
        self._reports = Reports(notes.read(TOLD, str))
        self._news = asyncio.Event()

    def begin(self) -> None:
        """All of it: to a hub on a new line, or one that asks."""
        self._reports.begin()
        self._news.set()

    def note(self) -> None:
        """Something may have changed."""
        self._news.set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure())
            wait = LOOK_SECONDS
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._news.wait()
                self._news.clear()
                wait = await self._report()

    async def _report(self) -> float:
        """Seconds until the next look."""
        version = self._version()
        if version is None:
            return LOOK_SECONDS
        now = time.monotonic()
        before = self._reports.told
        with contextlib.suppress(JournalUnavailable):  # the next hello says it
            for frame in self._reports.due(version, self._scene.statuses(), now):
                await self._outbox.add(frame)
            if self._reports.told != before:
                await self._notes.write(TOLD, self._reports.told)
        return self._reports.next_due(now) or LOOK_SECONDS

    def _version(self) -> str | None:
        """Of which something can be said, to a hub that takes it."""
        return self._scene.version if self._uplink.hub_accepts(WORKLOAD_STATUS) else None

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(USAGE_SECONDS)
            engine = self._engine()
            if self._version() is not None:
                usage = await self._usage(engine) if engine else {}
                for frame in self._reports.minute(usage):
                    self._uplink.send(frame)

    async def _usage(self, engine: "Engine") -> dict[str, dict[str, ServiceUsage]]:
        from device.workloads.engine import EngineAway

        turn = asyncio.Semaphore(AT_ONCE)

        async def of(container: Container) -> ServiceUsage | None:
            async with turn:
                return await engine.usage(container.id)

        running = [each for each in self._scene.containers if each.state == "running"]
        found: dict[str, dict[str, ServiceUsage]] = {}
        with contextlib.suppress(EngineAway):
            measured = await asyncio.gather(*(of(each) for each in running))
            for container, usage in zip(running, measured, strict=True):
                if usage is not None:
                    of_application = found.setdefault(container.key.application, {})
                    of_application[container.key.service] = usage
        return found
