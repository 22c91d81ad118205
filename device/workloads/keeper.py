"""Keeps the containers of this device as the hub's newest document says.

One loop looks at what is there, lets `reconcile` decide, carries out its steps, and looks again,
until there is nothing to do; then it waits for an event of the engine, for another document, for
what rests after a failure, or half a minute. Images are pulled beside it.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import ValidationError, structs

from device.base.database import Database
from device.base.errors import CommandFailed, StateUnavailable
from device.base.workload_settings import WorkloadSettings
from device.events.disk_outbox import DiskOutbox
from device.line.uplink import Uplink
from device.workloads.attempts import Attempts
from device.workloads.claims import ServiceKey
from device.workloads.container_steps import ContainerSteps
from device.workloads.image_store import ImageStore, Needs
from device.workloads.notes import HALTED, Notes
from device.workloads.plan import Planned, Planner, without_contents
from device.workloads.reconcile import Container, PullImage, ServiceRefusal, reconcile
from device.workloads.reporter import WorkloadReporter
from device.workloads.scene import Scene
from device.workloads.sealed import Kept, SealedFile
from device.workloads.service_files import ServiceFiles
from device.workloads.service_status import ShownWorkload, shown
from protocol.frames import SectionState
from protocol.workloads import WorkloadsDocument

if TYPE_CHECKING:  # 20 MiB, which a device without an engine does not need
    from device.workloads.engine import Engine

_log = structlog.stdlib.get_logger()

LOOK_SECONDS: Final = 30.0
AWAY_SECONDS: Final = 5.0
"""Until an engine that is away is asked again."""
SETTLE_SECONDS: Final = 0.2
"""After an event: more of them follow it."""


class WorkloadKeeper:
    def __init__(
        self,
        settings: WorkloadSettings,
        *,
        device: str,
        planner: Planner,
        state: Path,
        database: Database,
        outbox: DiskOutbox,
        uplink: Uplink,
    ) -> None:
        """Raises `StateUnavailable`."""
        self._settings = settings
        self._device = device
        self._planner = planner
        self._sealed = SealedFile(state)
        self._kept = self._from_disk()
        notes = Notes(database)
        self._attempts = Attempts()
        self._images = ImageStore(notes, self._attempts, disk_percent=settings.disk_percent)
        self._scene = Scene(self._images, self._attempts, notes.read(HALTED, str | None))
        self._files = ServiceFiles(planner.folder)
        self._steps = ContainerSteps(self._scene, self._files, self._images, self._attempts, notes)
        self._engine: Engine | None = None
        self._reporter = WorkloadReporter(
            self._scene, notes, outbox=outbox, uplink=uplink, engine=lambda: self._engine
        )
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()

    def _from_disk(self) -> Kept | None:
        """Without what is not kept any more: its file may have been changed since. Raises
        `StateUnavailable`."""
        kept = self._sealed.read()
        if kept is None or self._settings.keep_secrets:
            return kept
        bare = structs.replace(kept, document=without_contents(kept.document))
        if bare != kept:
            try:
                self._sealed.write(bare)
            except OSError as error:
                raise StateUnavailable(f"cannot forget secrets: {error.strerror}") from None
        return bare

    def state(self) -> SectionState:
        """For `hello`."""
        if self._kept is None:
            return SectionState(version="", hash="")
        return SectionState(version=self._kept.version, hash=self._kept.hash)

    async def take(self, kept: Kept) -> None:
        """Make it so. Raises `CommandFailed` when it cannot be kept; then nothing changes."""
        on_disk = kept
        if not self._settings.keep_secrets:
            on_disk = structs.replace(kept, document=without_contents(kept.document))
        try:
            await asyncio.to_thread(self._sealed.write, on_disk)
        except OSError as error:
            raise CommandFailed("state_unavailable", f"cannot keep it: {error.strerror}") from None
        self._kept = kept
        self._attempts.begin_anew()
        self._wake.set()

    def report(self) -> None:
        """All of it: to a hub on a new line, or one that asks."""
        self._reporter.begin()

    def shown(self) -> list[ShownWorkload]:
        return shown(self._scene.statuses())

    async def restart(self, application: str, service: str) -> None:
        """A new start of the same container. Raises `CommandFailed`."""
        named = f"{application}/{service}"
        async with self._turn:
            planned = self._scene.planned.get(ServiceKey(application, service))
            container = planned and self._scene.right(planned)
            if planned is None or container is None:
                raise CommandFailed("workload_not_found", f"no {named} is here")
            if self._engine is None:
                raise CommandFailed("engine_unavailable", self._scene.away or "it is away")
            if planned.wanted.stopped or planned.wanted.waits:
                raise CommandFailed("workload_stopped", f"{named} is stopped")
            failure = await self._restarted(self._engine, planned, container)
        self._wake.set()
        if failure is not None:
            raise CommandFailed(failure.code, failure.message)

    async def _restarted(
        self, engine: "Engine", planned: Planned, container: Container
    ) -> ServiceRefusal | None:
        """Why it failed. Raises `CommandFailed` when the engine goes away meanwhile."""
        from device.workloads.engine import EngineAway

        try:
            return await self._steps.restart(engine, planned, container)
        except EngineAway as error:
            raise CommandFailed("engine_unavailable", str(error)) from None

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reporter.run())
            while True:
                await self._attend()
                self._scene.plan(self._planner, self._kept)
                self._reporter.note()
                await asyncio.sleep(AWAY_SECONDS)

    async def _attend(self) -> None:
        """While the engine is there."""
        from device.workloads.engine import EngineAway, EngineRefused, engine_at

        try:
            async with engine_at(self._settings.engine, self._device) as engine:
                self._engine, self._scene.away = engine, None
                await self._serve(engine)
        except* (EngineAway, EngineRefused, ValidationError) as group:
            self._scene.away = _reason(group)
            _log.warning("engine_away", reason=self._scene.away)
        finally:
            self._engine = None

    async def _serve(self, engine: "Engine") -> None:
        """Raises `EngineAway`, in a group."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(engine))
            while True:
                self._wake.clear()
                async with self._turn:
                    has_done = await self._look(engine, tasks)
                if has_done:
                    continue
                left = self._attempts.next_try()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(LOOK_SECONDS, left or LOOK_SECONDS)):
                        await self._wake.wait()
                        await asyncio.sleep(SETTLE_SECONDS)

    async def _listen(self, engine: "Engine") -> None:
        """Raises `EngineAway` when it ends."""
        from device.workloads.engine import EngineAway

        async for container in engine.events():
            engine.forget(container)
            self._wake.set()
        raise EngineAway("the engine has ended")

    async def _look(self, engine: "Engine", tasks: asyncio.TaskGroup) -> bool:
        """Whether something was done."""
        scene, kept = self._scene, self._kept
        scene.see(await engine.containers())
        if kept is None:
            return False
        scene.plan(self._planner, kept)
        scene.note_what_works()
        self._reporter.note()
        todo = reconcile(scene.wanted, scene.containers, scene.around())
        needs = Needs(scene.wanted, scene.containers, kept.document.registries)
        for step in todo:
            if isinstance(step, PullImage):
                self._images.begin(engine, step.wanted, tasks, needs, self._wake.set)
        others = [each for each in todo if not isinstance(each, PullImage)]
        await self._steps.carry_out(engine, others)
        has_changed = await self._steps.follow_files(engine)
        if not others:
            await self._tidy(engine, kept.document)
        return bool(others) or has_changed

    async def _tidy(self, engine: "Engine", document: WorkloadsDocument) -> None:
        """Away with what belonged to services that are no more."""
        keys = {*self._scene.planned, *(each.key for each in self._scene.containers)}
        self._files.forget(keys)
        there = {each.application for each in keys}
        await engine.remove_networks(there)
        gone = set(document.remove_volumes) - there
        if gone:
            removed, in_use = await engine.remove_volumes(gone)
            if removed or in_use:  # what is in use is tried at each look
                _log.info("volumes_removed", volumes=removed, in_use=in_use)


def _reason(group: BaseExceptionGroup[Exception]) -> str:
    first = group.exceptions[0]
    return _reason(first) if isinstance(first, BaseExceptionGroup) else str(first)
