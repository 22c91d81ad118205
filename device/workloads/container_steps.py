"""Carries out the steps that `reconcile` decides, and gives containers their files."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, assert_never

import structlog

from device.workloads.attempts import Attempts
from device.workloads.claims import ServiceKey
from device.workloads.image_store import ImageStore
from device.workloads.notes import HALTED, Notes
from device.workloads.plan import Planned
from device.workloads.reconcile import (
    Container,
    CreateContainer,
    PullImage,
    RemoveContainer,
    RenameContainer,
    ServiceRefusal,
    StartContainer,
    Step,
    StopContainer,
)
from device.workloads.scene import Scene
from device.workloads.service_files import Due, ServiceFiles, asked

if TYPE_CHECKING:
    from device.workloads.engine import Engine

_log = structlog.stdlib.get_logger()

AT_ONCE: Final = 4


class ContainerSteps:
    def __init__(
        self,
        scene: Scene,
        files: ServiceFiles,
        images: ImageStore,
        attempts: Attempts,
        notes: Notes,
    ) -> None:
        self._scene = scene
        self._files = files
        self._images = images
        self._attempts = attempts
        self._notes = notes
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def carry_out(self, engine: "Engine", steps: Sequence[Step]) -> None:
        """All of them; what fails is noted. Raises `EngineAway`, in a group."""
        async with asyncio.TaskGroup() as group:
            for each in steps:
                group.create_task(self._carry_out(engine, each))

    async def _carry_out(self, engine: "Engine", step: Step) -> None:
        async with self._turn:
            key = key_of(step)
            _log.info("workload_step", step=type(step).__name__, service="/".join(key))
            await self._attempts.tried(key, self._do(engine, step))

    async def _do(self, engine: "Engine", step: Step) -> None:
        match step:
            case CreateContainer(wanted=wanted, name=name):
                await self._create(engine, self._scene.planned[wanted.key], name)
            case StartContainer(wanted=wanted, container=container):
                await self._start(engine, self._scene.planned[wanted.key], container)
            case StopContainer(container=container):
                await self._note_halted(container)
                await engine.stop(container)
            case RemoveContainer(container=container):
                if container.is_up:
                    await engine.stop(container)
                await engine.remove(container.id)
            case RenameContainer(container=container, name=name):
                await engine.rename(container.id, name)
            case PullImage():
                raise AssertionError("images are pulled beside")
            case _:
                assert_never(step)

    async def _create(self, engine: "Engine", planned: Planned, name: str) -> None:
        from device.workloads.engine import NOT_FOUND, EngineRefused

        if planned.folders:  # an engine makes no mount of what is not there
            self._files.prepare(planned.wanted.key)
        try:
            image = await engine.create(name, planned.body or {}, planned.networks, planned.volumes)
        except EngineRefused as error:
            if error.status == NOT_FOUND:  # it is pulled again
                self._images.forget(planned.wanted.image_key)
            raise
        await self._images.made(planned.wanted.image_key, image)

    async def _start(self, engine: "Engine", planned: Planned, container: Container) -> None:
        if container.state != "created":
            self._attempts.rest(planned.wanted.key)  # until it has run for a while
        await self._write_files(engine, planned, container)
        await engine.connect(container.id, planned.networks)
        await engine.start(container.id)

    async def _note_halted(self, container: Container) -> None:
        """Only of those that are there."""
        there = {each.id for each in self._scene.containers}
        kept = {each: at for each, at in self._scene.halted.items() if each in there}
        self._scene.halted = {**kept, container.id: container.started_at}
        await self._notes.write(HALTED, self._scene.halted)

    async def restart(
        self, engine: "Engine", planned: Planned, container: Container
    ) -> ServiceRefusal | None:
        """A new start of the same container; why it failed."""

        async def anew() -> None:
            await self._write_files(engine, planned, container)
            await engine.restart(container)

        return await self._attempts.tried(planned.wanted.key, anew())

    async def _write_files(self, engine: "Engine", planned: Planned, container: Container) -> None:
        """Before a start, which sees them all. Raises `CannotWrite`."""
        if planned.folders:
            key = planned.wanted.key
            self._files.prepare(key)  # an engine reads nothing of the container before
            self._files.write(key, planned.folders, await engine.owner(container.id))
            self._files.note(key, None)

    async def follow_files(self, engine: "Engine") -> bool:
        """Give containers that run what has changed; whether something has."""
        changed = False
        for planned in self._scene.planned.values():
            container = self._running(planned)
            if container is None:
                continue
            key = planned.wanted.key
            if self._files.differs(key, planned.folders) or self._files.due(key):
                await self._attempts.tried(key, self._change(engine, planned, container))
                changed = True
        return changed

    def _running(self, planned: Planned) -> Container | None:
        """The container whose files may be changed now."""
        wanted = planned.wanted
        is_left = wanted.refusal or wanted.stopped or wanted.waits
        if not planned.folders or is_left or wanted.key in self._attempts.resting():
            return None
        container = self._scene.right(planned)
        return container if container is not None and container.is_up else None

    async def _change(self, engine: "Engine", planned: Planned, container: Container) -> None:
        """What it asks for is noted before the files are changed, and forgotten when it is done."""
        key = planned.wanted.key
        due = self._files.due(key)
        changes = self._files.differs(key, planned.folders)
        if changes:
            restart, signals = asked(changes)
            due = Due(
                container=container.id,
                started_at=container.started_at,
                restart=restart or bool(due and due.restart),
                signals=sorted({*signals, *(due.signals if due else ())}),
            )
            self._files.note(key, due)
            self._files.write(key, planned.folders, await engine.owner(container.id))
        if due is not None and due.is_of(container):
            if due.restart:
                await engine.restart(container)
            else:
                for name in due.signals:
                    await engine.signal(container.id, name)
        self._files.note(key, None)


def key_of(step: Step) -> ServiceKey:
    if isinstance(step, PullImage | CreateContainer | StartContainer):
        return step.wanted.key
    return step.container.key
