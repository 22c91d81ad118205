"""What an application's canonical form names, and what it asks for. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from msgspec import Struct

from protocol.canonical import hash_of

Json = Any
Document = dict[str, Json]
Service = dict[str, Json]

DOCKER_HUB: Final = "docker.io"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")


def services(document: Document) -> dict[str, Service]:
    return cast("dict[str, Service]", document["services"])


# Hashes


def revision_of(sha256: str, versions: "Versions") -> str:
    """A revision: this content, with these versions of its data."""
    return hash_of(
        {"sha256": sha256, "configMaps": versions.config_maps, "secrets": versions.secrets}
    )


class Versions(Struct, frozen=True, rename="camel"):
    """Of the data that a revision names, by name."""

    config_maps: dict[str, int]
    secrets: dict[str, int]


# Data


def data_of(document: Document, kind: str, of: Iterable[Service] | None = None) -> set[str]:
    """The names of config maps (`configs`) or secrets (`secrets`) that these services mount or
    read, all of them if none are given; as they are named outside of the application."""
    members = (("configs", "source"), ("env_file", "config"))
    if kind == "secrets":
        members = (("secrets", "source"),)
    found = services(document).values() if of is None else of
    return {
        outside_name(document, kind, mount[member])
        for service in found
        for name, member in members
        for mount in service.get(name, ())
    }


def outside_name(document: Document, kind: str, name: str) -> str:
    return cast("str", document.get(kind, {}).get(name, {}).get("name", name))


# Images


class Image(Struct, frozen=True):
    """`host[:port]/path`, and either a tag or a digest."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """As it is asked for at its registry."""
        is_short = self.host == DOCKER_HUB and "/" not in self.path
        return f"library/{self.path}" if is_short else self.path


def image_of(text: str) -> Image | None:
    """None for what is none, or is not known before `${NAME}` is filled."""
    if "$" in text:
        return None
    name, at, digest = text.partition("@")
    if at and not _DIGEST.match(digest):
        return None
    host, slash, path = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = DOCKER_HUB, name
    path, _, tag = path.partition(":")
    return Image(host, path, tag or "latest", digest) if path else None


def images(document: Document) -> list[str]:
    return sorted({service["image"] for service in services(document).values()})


def is_pinned(document: Document) -> bool:
    """Whether each image is named by its digest."""
    found = [image_of(text) for text in images(document)]
    return all(image is not None and image.digest for image in found)


def hosts(document: Document) -> set[str]:
    """The registries that its images come from."""
    found = (image_of(text) for text in images(document))
    return {image.host for image in found if image is not None}


def pinned(document: Document, digests: Mapping[str, str]) -> Document:
    """With these images (as they are written) by their digest."""
    return {
        **document,
        "services": {
            name: {**service, "image": _at_digest(service["image"], digests)}
            for name, service in services(document).items()
        },
    }


def _at_digest(text: str, digests: Mapping[str, str]) -> str:
    digest = digests.get(text)
    if digest is None:
        return text
    head, slash, last = text.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"


# Rights


def asks_for(document: Document) -> list[str]:
    """What of it needs the right `workloads/privileged`."""
    return sorted({each for service in services(document).values() for each in _of(service)})


def _of(service: Service) -> Iterator[str]:
    if service.get("privileged"):
        yield "privileged"
    if service.get("cap_add"):
        yield "cap_add"
    if service.get("devices"):
        yield "devices"
    if any(volume["type"] == "bind" for volume in service.get("volumes", ())):
        yield "bind mounts"
    if service.get("network_mode") == "host":
        yield "the host's network"
