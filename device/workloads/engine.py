"""The container engine of this device, for workloads, through its API: Docker or Podman.

Imported only where an engine is configured: aiodocker takes 20 MiB. Only containers that bear the
labels of this device are seen, and nothing else is touched.
"""

import asyncio
import contextlib
import json
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import aiodocker
import aiohttp
from msgspec import Struct

from device.workloads import bodies
from device.workloads.failures import NO_CONNECTION, Doing, refusal_of
from device.workloads.image_names import ImageName, digest_in
from device.workloads.inspected import Listed, read_container, read_listed
from device.workloads.reconcile import Container, ServiceRefusal
from device.workloads.usage import usage_of
from device.workloads.users import Owner, names_user, owner_of
from protocol.workloads import RegistryAccess, ServiceUsage

ASK_SECONDS: Final = 30.0
MAKE_SECONDS: Final = 300.0
"""A copy of an image may be made."""
PULL_SECONDS: Final = 3600.0
NOT_FOUND: Final = 404
CONFLICT: Final = 409
NOT_MODIFIED: Final = 304

Json = dict[str, Any]


class EngineAway(Exception):
    """Nothing answers at the engine's socket."""


class EngineRefused(Exception):
    def __init__(self, refusal: ServiceRefusal, status: int) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.status = status


class Image(Struct, frozen=True):
    id: str
    digest: str | None


class Engine:
    """`docker` is aiodocker's, of whose signatures half are untyped: answers are checked by use."""

    def __init__(self, docker: aiodocker.Docker, device: str) -> None:
        self._docker = cast("Any", docker)
        self._filters = {"label": [f"{bodies.DEVICE}={device}"]}
        self._device = device
        self._seen: dict[str, tuple[tuple[str, str], Container]] = {}
        self._owners: dict[str, Owner] = {}

    # What is there.

    async def containers(self) -> list[Container]:
        """Those of this device; asked in detail only where something has changed."""
        async with _asking():
            listed = await self._docker.containers.list(all=True, filters=_json(self._filters))
        rows = [read_listed(each._container) for each in listed]  # noqa: SLF001
        found = [await self._container(row) for row in rows]
        there = {each.id for each in found if each is not None}
        for gone in self._seen.keys() - there:
            self.forget(gone)
        return [each for each in found if each is not None]

    async def _container(self, row: Listed) -> Container | None:
        seen = self._seen.get(row.id)
        if seen is not None and seen[0] == row.sign:
            return seen[1]
        try:
            async with _asking():
                shown = await self._docker.containers.container(row.id).show()
        except EngineRefused as error:
            if error.status != NOT_FOUND:
                raise
            return None  # gone meanwhile
        container = read_container(shown)
        self._seen[row.id] = (row.sign, container)
        return container

    def forget(self, container: str) -> None:
        """Something has happened to it."""
        self._seen.pop(container, None)

    async def events(self) -> AsyncIterator[str]:
        """The id of each container to which something happens. Ends with the engine."""
        events = self._docker.events
        channel = events.subscribe(filters=_json({**self._filters, "type": ["container"]}))
        try:
            while (event := await channel.get()) is not None:
                if not str(event.get("Action", "")).startswith("exec_"):
                    yield str(event.get("Actor", {}).get("ID", ""))
        finally:
            with contextlib.suppress(Exception):
                await events.stop()

    async def image(self, image: ImageName) -> Image | None:
        try:
            async with _asking():
                found = await self._docker.images.inspect(image.full)
        except EngineRefused as error:
            if error.status == NOT_FOUND:
                return None
            raise
        digests = cast("list[str]", found.get("RepoDigests") or [])
        return Image(found["Id"], image.digest or digest_in(digests, image))

    async def root_folder(self) -> str:
        """Where the engine keeps images and containers."""
        async with _asking():
            return str((await self._docker.system.info()).get("DockerRootDir") or "/")

    async def usage(self, container: str) -> ServiceUsage | None:
        try:
            async with _asking():
                stats = await self._docker.containers.container(container).stats(stream=False)
        except EngineRefused:
            return None
        return usage_of(stats[0]) if stats else None

    async def owner(self, container: str) -> Owner:
        """As whom its processes run. Raises `EngineRefused`, `ValueError`."""
        if container not in self._owners:
            self._owners[container] = await self._owner(container)
        return self._owners[container]

    async def _owner(self, container: str) -> Owner:
        of = self._docker.containers.container(container)
        async with _asking():
            user = str((await of.show())["Config"].get("User") or "")
        if not names_user(user):
            return owner_of(user, "", "")
        async with _asking("start"):
            passwd = _text_in(await of.get_archive("/etc/passwd"))
            group = _text_in(await of.get_archive("/etc/group")) if ":" in user else ""
        return owner_of(user, passwd, group)

    # What is done.

    async def pull(self, image: ImageName, access: RegistryAccess | None) -> None:
        auth = None
        if access is not None and access.username:
            auth = {
                "username": access.username,
                "password": access.password or "",
                "serveraddress": image.registry,
            }
        async with _asking("pull", PULL_SECONDS):
            await self._docker.images.pull(image.full, auth=auth)

    async def create(
        self,
        name: str,
        body: Mapping[str, Any],
        networks: Mapping[str, list[str]],
        volumes: Collection[str],
    ) -> str:
        """The engine's id of the image that it is made of."""
        application = str(body["Labels"][bodies.APPLICATION])
        for volume in volumes:
            await self._require_own(volume)
        for network in networks:
            await self._make_network(network, application)
        async with _asking("create", MAKE_SECONDS):
            made = await self._docker.containers.create(dict(body), name=name)
            return str((await made.show())["Image"])

    async def _require_own(self, volume: str) -> None:
        """One that somebody else has made may be a host path by another name."""
        try:
            async with _asking("create"):
                found = await (await self._docker.volumes.get(volume)).show()
        except EngineRefused as error:
            if error.status == NOT_FOUND:
                return
            raise
        labels = cast("Json", found.get("Labels") or {})
        if labels.get(bodies.DEVICE) != self._device or found.get("Options"):
            message = f"a volume {volume} is there, which is not the application's"
            raise EngineRefused(ServiceRefusal("conflict", message), CONFLICT)

    async def _make_network(self, name: str, application: str) -> None:
        labels = {bodies.DEVICE: self._device, bodies.APPLICATION: application}
        async with _asking("create"):
            there = await self._docker.networks.list(filters={"name": [name]})
            same = [each for each in cast("list[Json]", there) if each["Name"] == name]
            labelled = (cast("Json", each.get("Labels") or {}) for each in same)
            if any(each.get(bodies.DEVICE) != self._device for each in labelled):
                message = f"a network {name} is there, which is not the application's"
                raise EngineRefused(ServiceRefusal("conflict", message), CONFLICT)
            if same:
                return
            body = {"Name": name, "Driver": "bridge", "Labels": labels, "CheckDuplicate": True}
            await self._docker.networks.create(body)

    async def connect(self, container: str, networks: Mapping[str, list[str]]) -> None:
        """To those of its networks that are missing: an engine takes only the first when it makes
        the container."""
        if len(networks) <= 1:
            return
        async with _asking("start"):
            shown = await self._docker.containers.container(container).show()
            there = cast("Json", shown["NetworkSettings"]["Networks"] or {})
            for name in networks.keys() - there.keys():
                endpoint = {"Aliases": networks[name]}
                network = await self._docker.networks.get(name)
                await network.connect({"Container": container, "EndpointConfig": endpoint})

    async def start(self, container: str) -> None:
        self.forget(container)
        with _not_modified():
            async with _asking("start", MAKE_SECONDS):
                await self._docker.containers.container(container).start()

    async def stop(self, container: Container) -> None:
        self.forget(container.id)
        with _not_modified():
            async with _asking(seconds=container.grace + ASK_SECONDS):
                await self._docker.containers.container(container.id).stop(t=container.grace)

    async def restart(self, container: Container) -> None:
        self.forget(container.id)
        async with _asking("start", container.grace + MAKE_SECONDS):
            await self._docker.containers.container(container.id).restart(t=container.grace)

    async def signal(self, container: str, name: str) -> None:
        async with _asking():
            await self._docker.containers.container(container).kill(signal=name)

    async def rename(self, container: str, name: str) -> None:
        self.forget(container)
        async with _asking():
            await self._docker.containers.container(container).rename(name)

    async def remove(self, container: str) -> None:
        """With what it kept for itself; named volumes stay."""
        self.forget(container)
        try:
            async with _asking(seconds=MAKE_SECONDS):
                await self._docker.containers.container(container).delete(v=True, force=True)
        except EngineRefused as error:
            if error.status != NOT_FOUND:
                raise

    async def remove_image(self, name: str) -> bool:
        """False where something else uses it."""
        try:
            async with _asking(seconds=MAKE_SECONDS):
                await self._docker.images.delete(name)
        except EngineRefused as error:
            return error.status == NOT_FOUND
        return True

    async def remove_networks(self, wanted: Collection[str]) -> None:
        """Of applications that are no more."""
        async with _asking():
            there = await self._docker.networks.list(filters=self._filters)
        for each in there:
            if each["Labels"].get(bodies.APPLICATION) not in wanted:
                with contextlib.suppress(EngineRefused):
                    async with _asking():
                        await (await self._docker.networks.get(each["Id"])).delete()

    async def remove_volumes(
        self, applications: Collection[str] | None = None
    ) -> tuple[list[str], list[str]]:
        """Of these applications of this device, or of all that it has had: the names of those that
        went, and of those that somebody else uses."""
        async with _asking():
            found = await self._docker.volumes.list(filters=self._filters)
        removed: list[str] = []
        in_use: list[str] = []
        for each in cast("list[Json]", found.get("Volumes") or []):
            if applications is None or each["Labels"].get(bodies.APPLICATION) in applications:
                name = str(each["Name"])
                (removed if await self._remove_volume(name) else in_use).append(name)
        return removed, in_use

    async def _remove_volume(self, name: str) -> bool:
        try:
            async with _asking():
                await (await self._docker.volumes.get(name)).delete()
        except EngineRefused as error:
            return error.status == NOT_FOUND
        return True


@asynccontextmanager
async def engine_at(socket: str, device: str) -> AsyncGenerator[Engine]:
    """Raises `EngineAway` where nothing answers."""
    async with aiodocker.Docker(url=f"unix://{socket}") as docker:
        try:
            async with _asking():
                await docker.version()
        except (EngineAway, EngineRefused) as error:
            raise EngineAway(f"no engine answers at {socket}: {error}") from None
        yield Engine(docker, device)


@asynccontextmanager
async def _asking(doing: Doing = "other", seconds: float = ASK_SECONDS) -> AsyncGenerator[None]:
    """Raises `EngineAway`, `EngineRefused`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except aiodocker.DockerError as error:
        if error.status == NO_CONNECTION:
            raise EngineAway(str(error.message)) from None
        refusal = refusal_of(doing, error.status, str(error.message))
        raise EngineRefused(refusal, error.status) from None
    except TimeoutError:
        refusal = refusal_of(doing, 0, "the engine took too long")
        raise EngineRefused(refusal, 0) from None
    except (OSError, aiohttp.ClientError) as error:
        raise EngineAway(str(error) or type(error).__name__) from None
    except (KeyError, TypeError, ValueError) as error:  # aiodocker's, of what is no answer to it
        refusal = refusal_of(doing, 0, f"the engine's answer has no sense: {error}")
        raise EngineRefused(refusal, 0) from None


@contextlib.contextmanager
def _not_modified():
    """It is so already."""
    try:
        yield
    except EngineRefused as error:
        if error.status != NOT_MODIFIED:
            raise


def _json(filters: Mapping[str, list[str]]) -> str:
    return json.dumps(dict(filters))


def _text_in(archive: tarfile.TarFile) -> str:
    member = archive.next()
    file = archive.extractfile(member) if member else None
    return file.read().decode("utf-8", "replace") if file else ""
