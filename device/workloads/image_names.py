"""Names of images: `[host[:port]/]path[:tag][@digest]`. Pure."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from protocol.workloads import RegistryAccess

DOCKER_HUB: Final = "docker.io"
_ALIASES: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


class ImageName(Struct, frozen=True):
    registry: str
    path: str
    tag: str | None
    digest: str | None

    @property
    def repository(self) -> str:
        return f"{self.registry}/{self.path}"

    @property
    def full(self) -> str:
        """As an engine takes it."""
        if self.digest is not None:
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tag or 'latest'}"


def read_image(text: str) -> ImageName:
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.partition("/")
    if slash and (set(head) & {".", ":"} or head == "localhost"):
        registry, path = head, tail
    else:
        registry, path = DOCKER_HUB, rest
    before, colon, last = path.rpartition(":")
    path, tag = (before, last) if colon else (path, None)
    if registry in _ALIASES:
        registry = DOCKER_HUB
        path = path if "/" in path else f"library/{path}"
    return ImageName(registry, path, tag, digest or None)


def host_of(url: str) -> str:
    """Of a registry, as names of images have it."""
    bare = url.partition("://")[2] or url
    host = bare.partition("/")[0].lower()
    return DOCKER_HUB if host in _ALIASES else host


def access_of(image: ImageName, registries: Iterable[RegistryAccess]) -> RegistryAccess | None:
    return next((each for each in registries if host_of(each.url) == image.registry.lower()), None)


def digest_in(repo_digests: Iterable[str], image: ImageName) -> str | None:
    """What the registry calls an image that is there, by the engine's `RepoDigests`."""
    for each in repo_digests:
        found = read_image(each)
        if found.repository == image.repository:
            return found.digest
    return None
