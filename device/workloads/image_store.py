"""Images of workloads: pulled when they are needed, removed when the disk is full and none is."""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct, structs

from device.workloads.attempts import Attempts
from device.workloads.image_names import ImageName, access_of, read_image
from device.workloads.notes import IMAGES, Notes
from device.workloads.reconcile import Container, WantedService
from device.workloads.service_files import CannotWrite
from protocol.workloads import RegistryAccess

if TYPE_CHECKING:
    from device.workloads.engine import Engine

_log = structlog.stdlib.get_logger()

AT_ONCE: Final = 2


class PulledImage(Struct, frozen=True):
    """`name` is what the engine knows it by."""

    id: str
    digest: str | None
    name: str


class Needs(Struct, frozen=True):
    """Who needs images, and how they are got."""

    wanted: Sequence[WantedService]
    containers: Sequence[Container]
    registries: Sequence[RegistryAccess]


class ImageStore:
    def __init__(self, notes: Notes, attempts: Attempts, *, disk_percent: int) -> None:
        """Raises `StateUnavailable`."""
        self._notes = notes
        self._attempts = attempts
        self._disk_percent = disk_percent
        self._pulled: dict[str, PulledImage] = notes.read(IMAGES, PulledImage)
        self.ready: Final = {key: each.id for key, each in self._pulled.items()}
        """What is there: the engine's id, by the key of a service's image."""
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    @property
    def digests(self) -> dict[str, str]:
        """By the engine's id."""
        return {each.id: each.digest for each in self._pulled.values() if each.digest}

    @property
    def pulling(self) -> frozenset[str]:
        return frozenset(self._pulls)

    def begin(
        self,
        engine: "Engine",
        wanted: WantedService,
        tasks: asyncio.TaskGroup,
        needs: Needs,
        done: Callable[[], None],
    ) -> None:
        """Get the image of a service; `done` is called when it is there, or cannot be had."""
        if wanted.image_key not in self._pulls:
            pull = self._pull(engine, wanted, needs, done)
            self._pulls[wanted.image_key] = tasks.create_task(pull)

    def forget(self, key: str) -> None:
        """Somebody has removed it."""
        self.ready.pop(key, None)

    async def made(self, key: str, image: str) -> None:
        """A container was made of `image`, which counts from now on: somebody may have given the
        tag to another one, and an engine may call it otherwise. Raises `JournalUnavailable`."""
        self.ready[key] = image
        pulled = self._pulled.get(key)
        if pulled is not None and pulled.id != image:
            self._pulled[key] = structs.replace(pulled, id=image)
            await self._notes.write(IMAGES, self._pulled)

    async def _pull(
        self, engine: "Engine", wanted: WantedService, needs: Needs, done: Callable[[], None]
    ) -> None:
        try:
            async with self._turn:
                await self._attempts.tried(wanted.key, self._bring(engine, wanted, needs))
        finally:
            del self._pulls[wanted.image_key]
            done()

    async def _bring(self, engine: "Engine", wanted: WantedService, needs: Needs) -> None:
        """Raises `EngineRefused`, `JournalUnavailable`, `CannotWrite`."""
        image = read_image(wanted.image)
        found = await engine.image(image) if image.digest else None
        if found is None:
            await self._make_room(engine, needs)
            await _pull_or_use(engine, image, needs.registries)
            found = await engine.image(image)
            if found is None:
                raise CannotWrite(f"{image.full} was pulled and is not there")
            self._pulled[wanted.image_key] = PulledImage(found.id, found.digest, image.full)
            await self._notes.write(IMAGES, self._pulled)
        self.ready[wanted.image_key] = found.id

    async def _make_room(self, engine: "Engine", needs: Needs) -> None:
        """Remove images that were pulled for workloads and that none needs any more, while the disk
        is over its mark."""
        root = await engine.root_folder()
        for key in self._unused(needs):
            if not self._is_full(root):
                return
            image = self._pulled[key]
            if await engine.remove_image(image.name):
                _log.info("image_removed", image=image.name)
                del self._pulled[key]
                self.ready.pop(key, None)
                await self._notes.write(IMAGES, self._pulled)

    def _unused(self, needs: Needs) -> Iterable[str]:
        keys = {each.image_key for each in needs.wanted}
        ids = {each.image_id for each in needs.containers}
        return [key for key, each in self._pulled.items() if key not in keys and each.id not in ids]

    def _is_full(self, root: str) -> bool:
        try:
            found = os.statvfs(root)
        except OSError:
            return False  # another machine's, or not ours to see
        used = found.f_blocks - found.f_bfree
        return 100 * used >= self._disk_percent * (used + found.f_bavail)


async def _pull_or_use(
    engine: "Engine", image: ImageName, registries: Iterable[RegistryAccess]
) -> None:
    """What is there under its tag will do while no registry gives a newer one."""
    from device.workloads.engine import EngineRefused

    try:
        await engine.pull(image, access_of(image, registries))
    except EngineRefused as error:
        is_full = error.refusal.code == "disk_full"
        if image.digest or is_full or await engine.image(image) is None:
            raise
        _log.warning("image_as_it_is", image=image.full, reason=error.refusal.message)
