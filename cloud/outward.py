"""How a program reaches servers: whose certificates it trusts, and through which proxy.

One seat for every client of the agent, the tools and the hub. Trusted is the system's store, or the
file that `SSL_CERT_FILE` names (OpenSSL reads it), and a `ca_file` beside it or in its place. Proxy
variables (`https_proxy`, …) are not read: whoever sets one for a shell does not mean a daemon.
"""

import ipaddress
import ssl
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, structs


class Outward(Struct, frozen=True, kw_only=True):
    """Empty text is absent. The address of the proxy may hold a password, so this has no readable
    form."""

    ca_file: str = ""
    """A PEM file of certificates that are trusted."""
    use_system_store: bool = True
    proxy: str = ""
    """`http://[user:password@]host:port`."""
    no_proxy: tuple[str, ...] = ()
    """Hosts that are reached without it: a name stands for all below it, too; an address; a network
    as 10.0.0.0/8; `*` for all."""

    def __repr__(self) -> str:
        return "Outward()"


class CannotTrust(Exception):
    """`ca_file` holds nothing that can be trusted; the message is one line."""


def problem_of(outward: Outward) -> str | None:
    """What is wrong with it, in one line without secrets; None when it can be used."""
    if not outward.use_system_store and not outward.ca_file:
        return "without the system's store a ca_file is required"
    return None if not outward.proxy or _is_proxy(outward.proxy) else NO_PROXY_URL


NO_PROXY_URL: Final = "proxy is not http://[user:password@]host:port"


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = parts.hostname and parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and bool(whole) and parts.path in ("", "/") and not parts.query


def is_in_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way: http to another machine than this."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback


def goes_direct(host: str, no_proxy: Iterable[str]) -> bool:
    """Whether `host` is reached without the proxy."""
    address = _address(host)
    return any(
        each == "*" or (_is_at(host, each) if address is None else _is_in(address, each))
        for each in no_proxy
    )


def _is_at(host: str, name: str) -> bool:
    name = name.lstrip(".").lower()
    return host.lower() == name or host.lower().endswith(f".{name}")


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class WayOut:
    """`Outward` in use: the certificates are read once."""

    def __init__(
        self, outward: Outward | None = None, *, context: ssl.SSLContext | None = None
    ) -> None:
        """`context`: of the same certificates, if there is one. Raises `CannotTrust`."""
        self._outward = outward or Outward()
        self.context: Final = context or _context(self._outward)

    def proxy_to(self, url: str) -> str | None:
        """The proxy on the way to `url`."""
        direct = goes_direct(urlsplit(url).hostname or "", self._outward.no_proxy)
        return None if direct else self._outward.proxy or None

    def through(self, proxy: str) -> "WayOut":
        """The same trust, with everything by this proxy."""
        outward = structs.replace(self._outward, proxy=proxy, no_proxy=())
        return WayOut(outward, context=self.context)

    @property
    def has_proxy(self) -> bool:
        return bool(self._outward.proxy)

    def options(self, *urls: str) -> dict[str, Any]:
        """What a client of httpx that asks these servers is made with."""
        return {
            "trust_env": False,
            "verify": self.context,
            "proxy": self._outward.proxy or None,
            "mounts": {
                f"all://{urlsplit(url).netloc.rpartition('@')[2]}": None
                for url in urls
                if self.proxy_to(url) is None
            },
        }


def _context(outward: Outward) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if outward.use_system_store:
        context.set_default_verify_paths()
    if outward.ca_file:
        try:
            context.load_verify_locations(outward.ca_file)
        except ssl.SSLError:
            raise CannotTrust(f"ca_file: {outward.ca_file} holds no certificate") from None
        except OSError as error:
            raise CannotTrust(f"ca_file: cannot read {outward.ca_file}: {error.strerror}") from None
    return context
