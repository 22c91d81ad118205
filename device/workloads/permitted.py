"""Whether the device's own file allows what a service asks for. Pure.

Decided before anything is pulled, whatever the hub and its people allow.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from device.base.workload_settings import WorkloadSettings, is_plain_path
from device.workloads.compose import Mount, NotAllowed, Service
from device.workloads.image_names import host_of, read_image
from device.workloads.short_forms import devices_of, mounts_of

NEVER: Final = ("/proc", "/sys", "/dev", "/etc", "/root")
"""Neither they nor what is below them."""
OWN_LABELS: Final = "longline."
_RESERVED: Final = ("/run/secrets", "/run/configs")


class Guard(Struct, frozen=True):
    """`own` are the agent's own directories and files. `resolve` follows links: it gives the path
    where a path leads, and None where that is nothing."""

    settings: WorkloadSettings
    own: tuple[str, ...]
    resolve: Callable[[str], str | None]

    def check(self, service: Service) -> None:
        """Raises `NotAllowed`."""
        for problem in self._problems(service):
            raise NotAllowed(problem)

    def bind_source(self, mount: Mount) -> str:
        """Where it really is. Raises `NotAllowed`."""
        source = mount.source or ""
        if not is_plain_path(source):
            raise NotAllowed(f"bind of {source!r}: not an absolute path")
        allowed = [path for path in self.settings.binds if _is_within(source, path)]
        if not allowed:
            raise NotAllowed(f"bind of {source}: not among workloads.binds of this device")
        real = self.resolve(source)
        if real is None:
            raise NotAllowed(f"bind of {source}: it is not there")
        if not any(_is_within(real, self.resolve(path) or path) for path in allowed):
            raise NotAllowed(f"bind of {source}: it leads to {real}")
        self._require_harmless(source, real)
        return real

    def _require_harmless(self, source: str, real: str) -> None:
        never = [(self.resolve(path) or path) for path in NEVER]
        own = [(self.resolve(path) or path) for path in (*self.own, self.settings.engine)]
        if any(_is_within(real, path) for path in (*never, *own)):
            raise NotAllowed(f"bind of {source}: never mounted")
        if any(_is_within(path, real) for path in (*never, *own)):
            raise NotAllowed(f"bind of {source}: holds what is never mounted")

    def _problems(self, service: Service) -> Iterator[str]:
        settings = self.settings
        if service.privileged and not settings.privileged:
            yield "privileged: not allowed by this device"
        if service.network_mode == "host" and not settings.host_network:
            yield "network_mode host: not allowed by this device"
        yield from self._capabilities(service)
        yield from self._devices(service)
        yield from self._image(service)
        yield from self._mounts(mounts_of(service))
        yield from _labels(service)

    def _capabilities(self, service: Service) -> Iterator[str]:
        allowed = {_capability(each) for each in self.settings.cap_add}
        for each in service.cap_add:
            if _capability(each) not in allowed:
                yield f"cap_add {each}: not among workloads.cap_add of this device"

    def _devices(self, service: Service) -> Iterator[str]:
        for each in devices_of(service):
            if each.source not in self.settings.devices:
                yield f"device {each.source}: not among workloads.devices of this device"

    def _image(self, service: Service) -> Iterator[str]:
        allowed = {host_of(each) for each in self.settings.registries}
        registry = read_image(service.image).registry
        if allowed and registry.lower() not in allowed:
            yield f"registry {registry}: not among workloads.registries of this device"

    def _mounts(self, mounts: Iterable[Mount]) -> Iterator[str]:
        for mount in mounts:
            if any(_is_within(mount.target, each) for each in _RESERVED):
                yield f"mount at {mount.target}: the agent's own place"
            if mount.type == "bind":
                self.bind_source(mount)


def _labels(service: Service) -> Iterator[str]:
    names = service.labels
    if any(each.startswith(OWN_LABELS) for each in names):
        yield f"labels that begin with {OWN_LABELS} are the agent's"


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _is_within(path: str, parent: str) -> bool:
    return PurePosixPath(path).is_relative_to(PurePosixPath(parent))
