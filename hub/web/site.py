"""Where people reach the hub: its public addresses, and what follows from them. Pure.

`LONGLINE_PUBLIC_URL` is the only source of links, of the prefix below which a proxy serves the hub,
and of the names that a browser may use for it. What a request says of itself (`Host`) proves
nothing: any name can be made to lead here (DNS rebinding), and its pages would be taken for ours.
Programs that hold a device's token are not asked for a name.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from hub.base.errors import ConfigurationError

_PORTS: Final = {"http": 80, "https": 443}
_SETTING: Final = "LONGLINE_PUBLIC_URL"


class _Address(Struct, frozen=True):
    origin: str
    name: str
    """The host without its port, in lower case."""
    prefix: str


class Site:
    """`public_urls` as in the setting, the first is made into links; `host` is the address that is
    listened on; `allowed_origins` are pages of others that may use the API and the dashboards'
    socket. Raises `ConfigurationError`."""

    def __init__(
        self,
        public_urls: Iterable[str] = (),
        *,
        host: str = "127.0.0.1",
        allowed_origins: Iterable[str] = (),
    ) -> None:
        addresses = [_address(url) for url in public_urls]
        if len({address.prefix for address in addresses}) > 1:
            raise ConfigurationError(f"{_SETTING}: the path must be the same in all")
        self.prefix = addresses[0].prefix if addresses else ""
        """Of every path outside; empty, or with a slash in front and none behind."""
        self.url = addresses[0].origin + self.prefix if addresses else None
        """What links begin with."""
        self.allowed_origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self.origins = frozenset(address.origin for address in addresses)
        """Where our pages are."""
        self._names = {address.name for address in addresses}
        self._secure = {address.name for address in addresses if address.origin[4] == "s"}
        self._on_loopback = is_loopback(host)

    @property
    def hosts(self) -> list[str]:
        """The public names and addresses, without ports."""
        return sorted(self._names)

    def knows(self, host: str, reached_at: str) -> bool:
        """Whether a browser may use this `Host` at a connection to the address `reached_at`.

        The port does not count: a tunnel or proxy has its own, and names are what can be made to
        lead here. Without a public address anything goes, unless we listen on loopback only.
        """
        name = _name(host)
        if name in self._names or (name and name == _name(reached_at)):
            return True
        return is_loopback(name) if self._on_loopback else not self._names

    def owns(self, origin: str | None, host: str) -> bool:
        """Whether a page of ours asks, at a `Host` that is known, or no browser at all."""
        if origin is None or origin.lower() in self.origins:
            return True
        try:
            return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:
            return False

    def allows(self, origin: str | None) -> bool:
        """Whether the pages of others at this origin may use the API, without our cookie."""
        return origin is not None and origin.lower() in self.allowed_origins

    def is_secure(self, host: str) -> bool:
        """Whether this public name is reached by TLS, whoever ends it."""
        return _name(host) in self._secure

    def inside(self, path: str) -> str:
        """A path without the prefix, which a proxy may have left in its place."""
        if self.prefix and (path + "/").startswith(self.prefix + "/"):
            return path[len(self.prefix) :] or "/"
        return path


def _address(url: str) -> _Address:
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{_SETTING}: {url}: {error}") from None
    odd = parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in _PORTS or not name or odd:
        raise ConfigurationError(
            f"{_SETTING}: {url} is not an address such as https://hub.example.org or "
            "https://example.org/longline"
        )
    shown = f"[{name}]" if ":" in name else name
    if port not in (None, _PORTS[parts.scheme]):
        shown = f"{shown}:{port}"
    return _Address(f"{parts.scheme}://{shown}", name, parts.path.rstrip("/"))


def _name(host: str) -> str:
    """Of a `Host`, or of an address: in lower case and without port and brackets."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's, for itself only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def foreign_page(origin: str | None, host: str) -> str:
    """For whoever runs the hub, why a page is refused."""
    return (
        f"a page of {(origin or '')[:256]} is not this hub's own: the hub takes itself for "
        f"{host[:256]}. If people open it there, say so in {_SETTING}; if it is another site, "
        "in LONGLINE_ALLOWED_ORIGINS"
    )
