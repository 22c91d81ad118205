"""Which registries the hub itself asks, and what it asks them. Pure.

`LONGLINE_REGISTRIES` names each as `[http://]host[:port]`: naming one allows its address, and with
`http://` that it is asked in clear.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from hub.base.errors import ConfigurationError
from hub.workloads.contents import DOCKER_HUB, Image

_NAME: Final = re.compile(r"(?:(https?)://)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/?\Z")
_HOSTS: Final = {DOCKER_HUB: "registry-1.docker.io"}
"""Where a registry is, whose name is another."""
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
ACCEPTED: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""An index first: its digest is the one of an image for every architecture."""


class ListedRegistries:
    def __init__(self, listed: Iterable[str]) -> None:
        """Raises `ConfigurationError`."""
        self._schemes: dict[str, str] = {}
        for each in listed:
            found = _NAME.match(each)
            if found is None:
                raise ConfigurationError(
                    f"LONGLINE_REGISTRIES: {each} is not written [http://]host[:port]"
                )
            host = f"{found[2]}{found[3] or ''}".lower()
            self._schemes[host] = found[1] or "https"

    def base_of(self, host: str) -> str | None:
        """Where it is asked; None for one that is not listed."""
        scheme = self._schemes.get(host.lower())
        return None if scheme is None else f"{scheme}://{_HOSTS.get(host, host)}"

    @property
    def hosts(self) -> list[str]:
        """Whose addresses are allowed, without ports."""
        found = (urlsplit(f"//{_HOSTS.get(host, host)}").hostname for host in self._schemes)
        return [host for host in found if host]


def manifest_url(base: str, image: Image) -> str:
    return f"{base}/v2/{image.repository}/manifests/{image.tag}"


def digest_of(headers: Mapping[str, str]) -> str | None:
    found = headers.get("docker-content-digest", "")
    return found if _DIGEST.match(found) else None


class TokenPlace(Struct, frozen=True):
    """Where a registry has its callers get a token (the bearer scheme of its distribution)."""

    realm: str
    service: str | None
    scope: str

    @property
    def url(self) -> str:
        asked = {"service": self.service, "scope": self.scope}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.realm}{'&' if '?' in self.realm else '?'}{query}"


def token_place(challenge: str, image: Image) -> TokenPlace | None:
    """None where it wants something else."""
    scheme, _, rest = challenge.partition(" ")
    found = dict(_CHALLENGE.findall(rest))
    if scheme.lower() != "bearer" or not found.get("realm"):
        return None
    scope = found.get("scope") or f"repository:{image.repository}:pull"
    return TokenPlace(found["realm"], found.get("service"), scope)


def host_of(url: str) -> str | None:
    """As images name the registry at a URL; None for what is no such URL."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in ("https", "http") or parts.username is not None:
        return None
    if parts.path.strip("/") or parts.query or parts.fragment:
        return None
    shown = next((name for name, place in _HOSTS.items() if place == host), host)
    return f"{shown}:{port}" if port is not None else shown
