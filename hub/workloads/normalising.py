"""A Compose file as the revision of an application has it: short forms are long ones, what is not
content is gone, and what a device could not make is refused by name and line. Pure.

The canonical form holds `services`, and `volumes`, `networks`, `configs`, `secrets` where there are
any. The same content makes the same form, whether it came as YAML or JSON.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from hub.workloads import short_forms as short
from hub.workloads.compose_schema import COMPOSE
from hub.workloads.faults import ComposeFault, FileFault, Path
from hub.workloads.filling import BadVariable, parsed
from hub.workloads.reading import Node, line_of, of_json, plain, read_yaml

Json = Any
Service = dict[str, Json]

ON_CHANGE: Final = "x-onChange"
NAME: Final = r"[a-z0-9][a-z0-9_-]{1,62}"
"""Of an application, and of a service."""
_NAMES: Final = (re.compile(rf"{NAME}\Z"), "2 to 63 small letters, digits, '-' and '_'")
_OTHER_NAMES: Final = (
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"),
    "up to 128 letters, digits, '.', '-' and '_'",
)
_RESERVED_LABEL: Final = "longline."
MOST_FAULTS: Final = 10

_FORMS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "command": short.words,
    "entrypoint": short.words,
    "environment": short.pairs,
    "labels": short.flags,
    "extra_hosts": short.hosts,
    "depends_on": short.dependencies,
    "networks": short.networks,
    "tmpfs": short.listed,
    "user": short.written,
}
_ITEMS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "volumes": short.volume,
    "configs": short.mount,
    "secrets": short.mount,
    "devices": short.device,
}


class Compose:
    """A file that is read. `document` is its canonical form."""

    def __init__(self, root: Node) -> None:
        """Raises `ComposeFault`."""
        self._root = root
        self.document = self._normal(self._checked(plain(root)))
        faults = [*_faults(self.document)]
        if faults:
            raise self._fault(faults)

    @property
    def name(self) -> str | None:
        """As the file names itself."""
        found = plain(self._root).get("name")
        return found if isinstance(found, str) else None

    def _fault(self, faults: list[FileFault]) -> ComposeFault:
        return ComposeFault(
            *(
                FileFault(each.path, each.message, line_of(self._root, each.path))
                for each in faults[:MOST_FAULTS]
            )
        )

    def _checked(self, given: Json) -> dict[str, Json]:
        found: list[FileFault] = []
        for broken in COMPOSE.violations(given):
            if broken.unexpected:
                found += [
                    FileFault((*broken.path, name), "is not supported")
                    for name in broken.unexpected
                ]
            else:
                found.append(FileFault(broken.path, broken.message))
        if found:
            raise self._fault(found)
        return cast("dict[str, Json]", given)

    def _normal(self, given: dict[str, Json]) -> dict[str, Json]:
        services = cast("dict[str, Service]", given["services"])
        found: dict[str, Json] = {
            "services": {
                name: self._service(service, ("services", name))
                for name, service in services.items()
            }
        }
        for kind in ("volumes", "networks", "configs", "secrets"):
            if given.get(kind):
                found[kind] = {
                    name: _without_extensions(each or {}) for name, each in given[kind].items()
                }
        return found

    def _service(self, service: Service, path: Path) -> Service:
        found: Service = {}
        for name, value in _without_extensions(service).items():
            below = (*path, name)
            if name in _FORMS:
                found[name] = self._formed(_FORMS[name], value, below)
            elif name in _ITEMS:
                found[name] = [
                    _kept(self._formed(_ITEMS[name], each, (*below, at)))
                    for at, each in enumerate(value)
                ]
            elif name == "ports":
                found[name] = [
                    _kept(one)
                    for at, each in enumerate(value)
                    for one in self._formed(short.ports, each, (*below, at))
                ]
            elif name == "ulimits":
                found[name] = {
                    key: _kept(self._formed(short.limit, each, (*below, key)))
                    for key, each in value.items()
                }
            elif name == "healthcheck":
                found[name] = self._health(value, below)
            else:
                found[name] = _kept(value) if name in ("logging", "deploy") else value
        return found

    def _health(self, value: Service, path: Path) -> Service:
        found = _kept(value)
        if "test" in found:
            found["test"] = self._formed(short.test, found["test"], (*path, "test"))
        return found

    def _formed(self, form: Callable[[Json], Json], value: Json, path: Path) -> Json:
        try:
            return form(value)
        except short.BadForm as error:
            raise self._fault([FileFault(path, str(error))]) from None


def _without_extensions(value: dict[str, Json]) -> dict[str, Json]:
    return {
        name: each for name, each in value.items() if not name.startswith("x-") or name == ON_CHANGE
    }


def _kept(value: Json) -> Json:
    """The same below, where every member is one of ours."""
    if not isinstance(value, dict):
        return value
    fields = _without_extensions(cast("dict[str, Json]", value))
    return {
        name: short.pairs(each) if name == "options" else _kept(each)
        for name, each in fields.items()
    }


# What no schema says


def _faults(document: dict[str, Json]) -> Iterator[FileFault]:
    services = cast("dict[str, Service]", document["services"])
    yield from _of_names(document)
    for name, service in services.items():
        path: Path = ("services", name)
        yield from _of_volumes(service, document, path)
        yield from _of_mounts(service, document, path)
        yield from _of_networks(service, document, path)
        yield from _of_labels(service, path)
        for other in service.get("depends_on", {}):
            if other not in services:
                yield FileFault((*path, "depends_on"), f"there is no service {other}")
    yield from _cycles(services)
    yield from _of_variables(document, ())


def _of_names(document: dict[str, Json]) -> Iterator[FileFault]:
    for kind, members in document.items():
        pattern, rule = _NAMES if kind == "services" else _OTHER_NAMES
        for name in members:
            if not pattern.match(name):
                yield FileFault((kind, name), f"a name is {rule}")


def _of_volumes(service: Service, document: dict[str, Json], path: Path) -> Iterator[FileFault]:
    for at, volume in enumerate(service.get("volumes", ())):
        message = _of_volume(volume, document.get("volumes", {}))
        if message is not None:
            yield FileFault((*path, "volumes", at), message)


def _of_volume(volume: Service, named: Mapping[str, Json]) -> str | None:
    source: str | None = volume.get("source")
    match volume["type"]:
        case "bind":
            if source is None or not source.startswith("/") or ".." in source.split("/"):
                return _BIND_PATHS
            return "a path on the device holds no ${NAME}" if "$" in source else None
        case "volume" if source is not None and source not in named:
            if source.startswith((".", "~")):
                return _BIND_PATHS
            return f"there is no volume {source}: name it in volumes"
        case "tmpfs" if source is not None:
            return "a tmpfs has no source"
        case _:
            return None


_BIND_PATHS: Final = "a path on the device begins with /, and holds no .. and no ~"


def _of_mounts(service: Service, document: dict[str, Json], path: Path) -> Iterator[FileFault]:
    for kind, member, what in (
        ("configs", "source", "configs"),
        ("secrets", "source", "secrets"),
        ("env_file", "config", "configs"),
    ):
        for at, mount in enumerate(service.get(kind, ())):
            if mount[member] not in document.get(what, {}):
                here = (*path, kind, at)
                yield FileFault(here, f"{mount[member]} is not named in {what}")


def _of_networks(service: Service, document: dict[str, Json], path: Path) -> Iterator[FileFault]:
    for name in service.get("networks", {}):
        if name != "default" and name not in document.get("networks", {}):
            yield FileFault((*path, "networks"), f"there is no network {name}")
    if "networks" in service and "network_mode" in service:
        yield FileFault((*path, "network_mode"), "is not beside networks")
    if service.get("network_mode") and service.get("ports"):
        yield FileFault((*path, "ports"), f"are not for network_mode {service['network_mode']}")


def _of_labels(service: Service, path: Path) -> Iterator[FileFault]:
    for name in service.get("labels", {}):
        if name.startswith(_RESERVED_LABEL):
            yield FileFault((*path, "labels"), f"{_RESERVED_LABEL}* are the agent's own")


def _cycles(services: Mapping[str, Service]) -> Iterator[FileFault]:
    """Whatever is left when those without open dependencies have gone, again and again."""
    left = {
        name: {each for each in service.get("depends_on", {}) if each in services}
        for name, service in services.items()
    }
    while free := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in free}
    for name in left:
        yield FileFault(("services", name, "depends_on"), "goes round in a circle")


def _of_variables(value: Json, path: Path) -> Iterator[FileFault]:
    if isinstance(value, str) and "$" in value:
        try:
            parsed(value)
        except BadVariable as error:
            yield FileFault(path, str(error))
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Json]", value).items():
            yield from _of_variables(each, (*path, name))
    elif isinstance(value, list):
        for at, each in enumerate(cast("list[Json]", value)):
            yield from _of_variables(each, (*path, at))


def normalised(compose: str | dict[str, Json]) -> Compose:
    """Raises `ComposeFault`."""
    return Compose(read_yaml(compose) if isinstance(compose, str) else of_json(compose))
