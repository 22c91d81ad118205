"""Keeps the containers of this device as the hub's newest document says.

One loop looks at what is there, lets `reconcile` decide, carries out its steps, and looks again,
until there is nothing to do; then it waits for an event of the engine, for another document, for
what rests after a failure, or half a minute. Images are pulled beside it.
"""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec
import structlog
from msgspec import Struct, structs

from device.base.database import Database, get_meta, set_meta
from device.base.errors import CommandFailed, JournalUnavailable
from device.base.workload_settings import WorkloadSettings
from device.events.disk_outbox import DiskOutbox
from device.line.uplink import Uplink
from device.workloads import reconcile as steps
from device.workloads.back_off import BackOff, RestartWatch
from device.workloads.claims import ServiceKey
from device.workloads.image_names import ImageName, access_of, read_image
from device.workloads.plan import Planned, Planner, without_contents
from device.workloads.reconcile import (
    Container,
    Halted,
    Refusal,
    Step,
    Surroundings,
    reconcile,
    right_one,
    waits_for,
)
from device.workloads.reports import Reports
from device.workloads.sealed import Kept, SealedFile
from device.workloads.service_files import CannotWrite, Due, ServiceFiles, asked
from device.workloads.service_status import Known, ShownWorkload, statuses
from protocol.frames import SectionState
from protocol.workloads import (
    WORKLOAD_STATUS,
    ServiceStatus,
    ServiceUsage,
)

if TYPE_CHECKING:  # 20 MiB, which a device without an engine does not need
    from device.workloads.engine import Engine

_log = structlog.stdlib.get_logger()

LOOK_SECONDS: Final = 30.0
USAGE_SECONDS: Final = 60.0
AWAY_SECONDS: Final = 5.0
"""Until an engine that is away is asked again."""
SETTLE_SECONDS: Final = 0.2
"""After an event: more of them follow it."""
UP_SECONDS: Final = 10.0
"""How long a container runs before its start has worked."""
AT_ONCE: Final = 4
"""Steps; and half as many pulls."""
IMAGES: Final = "workload_images"
HALTED: Final = "workload_halted"
TOLD: Final = "workload_told"


class PulledImage(Struct, frozen=True):
    """`name` is what the engine knows it by."""

    id: str
    digest: str | None
    name: str


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
        self._database = database
        self._outbox = outbox
        self._uplink = uplink
        self._sealed = SealedFile(state)
        self._files = ServiceFiles(planner.folder)
        self._kept = self._sealed.read()
        self._pulled: dict[str, PulledImage] = _noted(database, IMAGES, PulledImage)
        self._halted: dict[str, str | None] = _noted(database, HALTED, str | None)
        self._reports = Reports(_noted(database, TOLD, str))
        self._images = {key: each.id for key, each in self._pulled.items()}
        self._planned: dict[ServiceKey, Planned] = {}
        self._version: str | None = None
        """Of the document that `_planned` is made of."""
        self._containers: list[Container] = []
        self._away: str | None = None
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._pull_turn = asyncio.Semaphore(AT_ONCE // 2)
        self._step_turn = asyncio.Semaphore(AT_ONCE)
        self._failures: dict[ServiceKey, Refusal] = {}
        self._back_off = BackOff()
        self._restarts = RestartWatch()
        self._up_since: dict[str, float] = {}
        self._engine: Engine | None = None
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()

    # What the hub says.

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
        self._back_off.clear()
        self._wake.set()

    def report(self) -> None:
        """All of it: to a hub on a new line, or one that asks."""
        self._reports.begin()
        self._news.set()

    async def restart(self, application: str, service: str) -> None:
        """A new start of the same container. Raises `CommandFailed`."""
        async with self._turn:
            key = ServiceKey(application, service)
            engine, planned = self._engine, self._planned.get(key)
            container = planned and self._right(planned)
            if planned is None or container is None:
                raise CommandFailed("workload_not_found", f"no {application}/{service} is here")
            if engine is None:
                raise CommandFailed("engine_unavailable", self._away or "the engine is away")
            if planned.wanted.stopped or planned.wanted.waits:
                raise CommandFailed("workload_stopped", f"{application}/{service} is stopped")
            failure = await self._tried(key, self._restart(engine, planned, container))
        self._wake.set()
        if failure is not None:
            raise CommandFailed(failure.code, failure.message)

    async def _restart(self, engine: "Engine", planned: Planned, container: Container) -> None:
        await self._write_files(engine, planned, container)
        await engine.restart(container)

    # The loop.

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_for_ever())
            tasks.create_task(self._measure_for_ever())
            while True:
                await self._attend()
                self._news.set()
                await asyncio.sleep(AWAY_SECONDS)

    async def _attend(self) -> None:
        """While the engine is there."""
        from device.workloads.engine import EngineAway, engine_at

        try:
            async with engine_at(self._settings.engine, self._device) as engine:
                self._engine, self._away = engine, None
                await self._serve(engine)
        except* EngineAway as group:
            self._away = _reason(group)
            self._plan(self._containers)
            _log.warning("engine_away", reason=self._away)
        finally:
            self._engine = None

    async def _serve(self, engine: "Engine") -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(engine))
            while True:
                self._wake.clear()
                async with self._turn:
                    has_done = await self._look(engine, tasks)
                if has_done:
                    continue
                left = self._back_off.next_try(time.monotonic())
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
        now = time.monotonic()
        self._containers = await engine.containers()
        self._restarts.note({each.id: each.restarts for each in self._containers}, now)
        if self._kept is None:
            return False  # nobody has said what shall be there
        self._plan(self._containers)
        self._note_what_runs(now)
        self._news.set()
        wanted = [each.wanted for each in self._planned.values()]
        todo = reconcile(wanted, self._containers, self._around(now))
        for step in todo:
            if isinstance(step, steps.Pull):
                self._begin_pull(engine, step, tasks)
        others = [each for each in todo if not isinstance(each, steps.Pull)]
        async with asyncio.TaskGroup() as group:
            for each in others:
                group.create_task(self._carry_out(engine, each))
        changed = await self._follow_files(engine, now)
        if not others:
            await self._tidy(engine)
        return bool(others) or changed

    def _plan(self, there: list[Container]) -> None:
        if self._kept is None:
            return
        planned = self._planner.plan(self._kept.document, {each.key for each in there})
        self._planned = {each.wanted.key: each for each in planned}
        self._version = self._kept.version

    def _around(self, now: float) -> Surroundings:
        return Surroundings(
            images=self._images,
            resting=self._back_off.resting(now),
            halted=Halted(self._halted),
        )

    def _note_what_runs(self, now: float) -> None:
        up = {each.id: each for each in self._containers if each.is_up}
        self._up_since = {each: self._up_since.get(each, now) for each in up}
        for each in up.values():
            planned = self._planned.get(each.key)
            if planned is None or self._right(planned) != each:
                continue
            if now - self._up_since[each.id] >= UP_SECONDS:
                self._back_off.worked(each.key)
                self._failures.pop(each.key, None)
        for gone in self._failures.keys() - self._planned.keys():
            del self._failures[gone]

    def _right(self, planned: Planned) -> Container | None:
        wanted = planned.wanted
        found = [each for each in self._containers if each.key == wanted.key]
        return right_one(wanted, found, self._images)

    # Steps.

    async def _carry_out(self, engine: "Engine", step: Step) -> None:
        async with self._step_turn:
            key = _key_of(step)
            _log.info("workload_step", step=type(step).__name__.lower(), service="/".join(key))
            await self._tried(key, self._do(engine, step))

    async def _tried(self, key: ServiceKey, step: Awaitable[None]) -> Refusal | None:
        """Why it failed; then the service rests. Raises `EngineAway`."""
        from device.workloads.engine import EngineRefused

        try:
            await step
        except EngineRefused as error:
            refusal = error.refusal
        except (CannotWrite, ValueError) as error:
            refusal = Refusal("refused_by_device", str(error))
        except JournalUnavailable as error:
            refusal = Refusal("disk_full", f"cannot note it: {error}")
        else:
            self._failures.pop(key, None)
            return None
        wait = self._back_off.failed(key, time.monotonic())
        _log.error(
            "workload_failed",
            service="/".join(key), code=refusal.code, reason=refusal.message, again_in=wait,
        )  # fmt: skip
        self._failures[key] = refusal
        return refusal

    async def _do(self, engine: "Engine", step: Step) -> None:
        match step:
            case steps.Create(wanted=wanted, name=name):
                await self._create(engine, self._planned[wanted.key], name)
            case steps.Start(wanted=wanted, container=container):
                await self._start(engine, self._planned[wanted.key], container)
            case steps.Stop(container=container):
                await self._note_halted(container)
                await engine.stop(container)
            case steps.Remove(container=container):
                if container.is_up:
                    await engine.stop(container)
                await engine.remove(container.id)
            case steps.Rename(container=container, name=name):
                await engine.rename(container.id, name)
            case steps.Pull():
                raise AssertionError("pulled beside")
            case _:
                assert_never(step)

    async def _create(self, engine: "Engine", planned: Planned, name: str) -> None:
        from device.workloads.engine import NOT_FOUND, EngineRefused

        if planned.folders:  # an engine makes no mount of what is not there
            self._files.prepare(planned.wanted.key)
        try:
            body = planned.body or {}
            await engine.create(name, body, planned.networks, planned.volumes)
        except EngineRefused as error:
            if error.status == NOT_FOUND:  # somebody has removed its image: it is pulled again
                self._images.pop(planned.wanted.image_key, None)
            raise

    async def _start(self, engine: "Engine", planned: Planned, container: Container) -> None:
        key = planned.wanted.key
        if container.state != "created":
            self._back_off.failed(key, time.monotonic())  # until it has run for a while
        await self._write_files(engine, planned, container)
        await engine.connect(container.id, planned.networks)
        await engine.start(container.id)

    async def _note_halted(self, container: Container) -> None:
        """Those that are there alone are kept."""
        there = {each.id for each in self._containers}
        kept = {each: at for each, at in self._halted.items() if each in there}
        self._halted = {**kept, container.id: container.started_at}
        await self._note(HALTED, self._halted)

    async def _note(self, name: str, value: Mapping[str, Any]) -> None:
        """Raises `JournalUnavailable`."""
        text = msgspec.json.encode(value).decode()
        await self._database.write(lambda connection: set_meta(connection, name, text))

    # Files.

    async def _write_files(self, engine: "Engine", planned: Planned, container: Container) -> None:
        """Raises `CannotWrite`."""
        if planned.folders:
            self._files.prepare(planned.wanted.key)  # an engine reads nothing of it before
            owner = await engine.owner(container.id)
            self._files.write(planned.wanted.key, planned.folders, owner)
            self._files.note(planned.wanted.key, None)

    async def _follow_files(self, engine: "Engine", now: float) -> bool:
        """Give containers that run what has changed; whether something was."""
        resting = self._back_off.resting(now)
        changed = False
        for key, planned in self._planned.items():
            wanted = planned.wanted
            container = self._right(planned)
            if container is None or not container.is_up or wanted.refusal or wanted.stopped:
                continue
            if not planned.folders or key in resting or wanted.waits:
                continue
            changes = self._files.differs(key, planned.folders)
            due = self._files.due(key)
            if changes or due:
                await self._tried(key, self._change(engine, planned, container, due))
                changed = True
        return changed

    async def _change(
        self, engine: "Engine", planned: Planned, container: Container, due: Due | None
    ) -> None:
        key = planned.wanted.key
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
        has_seen = due is None or (due.container, due.started_at) != (
            container.id,
            container.started_at,
        )
        if due is not None and not has_seen:
            if due.restart:
                await engine.restart(container)
            else:
                for name in due.signals:
                    await engine.signal(container.id, name)
        self._files.note(key, None)

    async def _tidy(self, engine: "Engine") -> None:
        """What belonged to services that are no more."""
        keys = {*self._planned, *(each.key for each in self._containers)}
        self._files.forget(keys)
        if self._back_off.next_try(time.monotonic()) is None:
            await engine.remove_networks({each.application for each in keys})

    # Images.

    def _begin_pull(self, engine: "Engine", step: steps.Pull, tasks: asyncio.TaskGroup) -> None:
        key = step.wanted.image_key
        if key not in self._pulls:
            self._pulls[key] = tasks.create_task(self._pull(engine, step))

    async def _pull(self, engine: "Engine", step: steps.Pull) -> None:
        wanted = step.wanted
        try:
            async with self._pull_turn:
                await self._tried(wanted.key, self._bring(engine, step))
        finally:
            del self._pulls[wanted.image_key]
            self._wake.set()

    async def _bring(self, engine: "Engine", step: steps.Pull) -> None:
        """Raises `EngineRefused`, `JournalUnavailable`."""
        image = read_image(step.wanted.image)
        found = await engine.image(image) if image.digest else None
        if found is None:
            self._news.set()
            await self._make_room(engine)
            await self._pull_or_use(engine, image)
            found = await engine.image(image)
            if found is None:
                raise CannotWrite(f"{image.full} was pulled and is not there")
            pulled = PulledImage(found.id, found.digest, image.full)
            self._pulled[step.wanted.image_key] = pulled
            await self._note(IMAGES, self._pulled)
        self._images[step.wanted.image_key] = found.id

    async def _pull_or_use(self, engine: "Engine", image: ImageName) -> None:
        """What is there under its tag will do while no registry gives a newer one."""
        from device.workloads.engine import EngineRefused

        registries = self._kept.document.registries if self._kept else ()
        try:
            await engine.pull(image, access_of(image, registries))
        except EngineRefused as error:
            is_full = error.refusal.code == "disk_full"
            if image.digest or is_full or await engine.image(image) is None:
                raise
            _log.warning("image_as_it_is", image=image.full, reason=error.refusal.message)

    async def _make_room(self, engine: "Engine") -> None:
        """Remove images that were pulled for workloads and that none needs any more, while the disk
        is over its mark."""
        root = await engine.root_folder()
        used = {each.image_id for each in self._containers}
        needed = {each.wanted.image_key for each in self._planned.values()}
        for key, each in list(self._pulled.items()):
            if key in needed or each.id in used or not self._is_full(root):
                continue
            if await engine.remove_image(each.name):
                _log.info("image_removed", image=each.name)
                del self._pulled[key]
                self._images.pop(key, None)
        await self._note(IMAGES, self._pulled)

    def _is_full(self, root: str) -> bool:
        try:
            found = os.statvfs(root)
        except OSError:
            return False  # another machine's, or not ours to see
        used = found.f_blocks - found.f_bfree
        return 100 * used >= self._settings.disk_percent * (used + found.f_bavail)

    # What the hub hears.

    def shown(self) -> list[ShownWorkload]:
        return [
            ShownWorkload(
                application=application,
                service=each.service,
                state=each.state,
                message=each.message,
            )
            for application, services in sorted(self._statuses().items())
            for each in services
        ]

    def _statuses(self) -> dict[str, list[ServiceStatus]]:
        wanted = [each.wanted for each in self._planned.values()]
        failures = dict(self._failures)
        if self._away is not None:
            refusal = Refusal("engine_unavailable", self._away)
            failures = {each.key: refusal for each in wanted}
        around = self._around(time.monotonic())
        waits = {
            each.key: found
            for each in wanted
            if each.needs and (found := waits_for(each, wanted, self._containers, around))
        }
        known = Known(
            images=self._images,
            digests={each.id: each.digest for each in self._pulled.values() if each.digest},
            pulling=frozenset(self._pulls),
            failures=failures,
            often=self._restarts.often(time.monotonic()),
            waits=waits,
        )
        containers = [] if self._away is not None else self._containers
        return statuses(wanted, containers, known)

    async def _report_for_ever(self) -> None:
        wait = LOOK_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
            self._news.clear()
            wait = await self._report()

    async def _report(self) -> float:
        """Seconds until the next look."""
        if self._version is None or not self._uplink.hub_accepts(WORKLOAD_STATUS):
            return LOOK_SECONDS
        now = time.monotonic()
        before = self._reports.told
        for frame in self._reports.due(self._version, self._statuses(), now):
            with contextlib.suppress(JournalUnavailable):  # the next hello says it
                await self._outbox.add(frame)
        if self._reports.told != before:
            with contextlib.suppress(JournalUnavailable):
                await self._note(TOLD, self._reports.told)
        return self._reports.next_due(now) or LOOK_SECONDS

    async def _measure_for_ever(self) -> None:
        while True:
            await asyncio.sleep(USAGE_SECONDS)
            engine, version = self._engine, self._version
            if version is None or not self._uplink.hub_accepts(WORKLOAD_STATUS):
                continue
            usage = await self._usage(engine) if engine else {}
            for frame in self._reports.minute(version, usage):
                self._uplink.send(frame)

    async def _usage(self, engine: "Engine") -> dict[str, dict[str, ServiceUsage]]:
        from device.workloads.engine import EngineAway

        turn = asyncio.Semaphore(AT_ONCE)

        async def of(container: Container) -> ServiceUsage | None:
            async with turn:
                return await engine.usage(container.id)

        running = [each for each in self._containers if each.state == "running"]
        found: dict[str, dict[str, ServiceUsage]] = {}
        with contextlib.suppress(EngineAway):
            measured = await asyncio.gather(*(of(each) for each in running))
            for container, usage in zip(running, measured, strict=True):
                if usage is not None:
                    of_application = found.setdefault(container.key.application, {})
                    of_application[container.key.service] = usage
        return found


def _reason(group: BaseExceptionGroup[Exception]) -> str:
    first = group.exceptions[0]
    return _reason(first) if isinstance(first, BaseExceptionGroup) else str(first)


def _key_of(step: Step) -> ServiceKey:
    if isinstance(step, steps.Pull | steps.Create | steps.Start):
        return step.wanted.key
    return step.container.key


def _noted(database: Database, name: str, kind: Any) -> dict[str, Any]:
    """Raises `StateUnavailable`."""

    def job(connection: sqlite3.Connection) -> str | None:
        return get_meta(connection, name)

    text = database.now(job)
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, kind])
    except msgspec.MsgspecError:
        return {}
