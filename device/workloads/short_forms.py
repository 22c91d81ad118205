"""Ports, mounts and devices of a service in their long form, whichever it was written in. Pure."""

import re
from typing import Final

from msgspec import Struct

from device.workloads.compose import DeviceMapping, Mount, NotAllowed, Port, Service

MOST_PORTS: Final = 1_024
_PORT: Final = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9.]+):)?(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?\Z"
)
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")
_HIGHEST: Final = 65_535


class PublishedPort(Struct, frozen=True):
    """`published` is None where the engine shall choose."""

    target: int
    protocol: str
    published: int | None
    host_ip: str

    @property
    def key(self) -> str:
        return f"{self.target}/{self.protocol}"


def ports_of(service: Service) -> list[PublishedPort]:
    """Raises `NotAllowed`."""
    found = [port for each in service.ports for port in _expanded(_long_port(each))]
    if len(found) > MOST_PORTS:
        raise NotAllowed(f"more than {MOST_PORTS} ports")
    return found


def mounts_of(service: Service) -> list[Mount]:
    """Raises `NotAllowed`."""
    return [_long_mount(each) if isinstance(each, str) else each for each in service.volumes]


def devices_of(service: Service) -> list[DeviceMapping]:
    return [_long_device(each) if isinstance(each, str) else each for each in service.devices]


def _long_port(each: Port | str | int) -> Port:
    if isinstance(each, Port):
        return each
    found = _PORT.match(str(each))
    if found is None:
        raise NotAllowed(f"{each!r} is no port")
    return Port(
        target=found["target"],
        published=found["published"],
        host_ip=(found["ip"] or "").strip("[]") or None,
        protocol=found["protocol"] or "tcp",  # pyright: ignore[reportArgumentType]
    )


def _expanded(port: Port) -> list[PublishedPort]:
    targets = _range(port.target)
    published: list[int | None] = [None] * len(targets)
    if port.published not in (None, "", "0", 0):  # else the engine chooses
        published = [*_range(port.published)]
        if len(targets) == 1 < len(published):
            published = published[:1]  # any of them will do
    if len(published) != len(targets):
        raise NotAllowed(f"ports {port.published} and {port.target} are not as many")
    return [
        PublishedPort(target, port.protocol, host, port.host_ip or "")
        for target, host in zip(targets, published, strict=True)
    ]


def _range(text: str | int | None) -> list[int]:
    found = _RANGE.match(str(text))
    first = int(found[1]) if found else 0
    last = int(found[2] or found[1]) if found else 0
    if not 1 <= first <= last <= _HIGHEST:
        raise NotAllowed(f"{text!r} is no port")
    return [*range(first, last + 1)]


def _long_mount(text: str) -> Mount:
    parts = text.split(":")
    if len(parts) == 1:
        return Mount(type="volume", target=text)
    source, target, *options = parts
    if options not in ([], ["rw"], ["ro"]):
        raise NotAllowed(f"{text!r}: of a mount only ro and rw are taken")
    kind = "volume" if re.match(r"[A-Za-z0-9]", source) else "bind"
    return Mount(type=kind, source=source, target=target, read_only=options == ["ro"])


def _long_device(text: str) -> DeviceMapping:
    source, _, rest = text.partition(":")
    target, _, permissions = rest.partition(":")
    return DeviceMapping(source=source, target=target or None, permissions=permissions or None)
