"""The hub's own way out, as its settings have it, and the one to places that a person named."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Final

import httpx

from cloud.outward import CannotTrust, Outward, WayOut, problem_of
from hub.base.destinations import Address, Destinations
from hub.base.errors import ConfigurationError
from hub.base.settings import Settings


def way_out_of(settings: Settings) -> WayOut:
    """Raises `ConfigurationError`."""
    outward = Outward(
        ca_file=settings.ca_file, proxy=settings.proxy, no_proxy=tuple(settings.no_proxy)
    )
    problem = problem_of(outward)
    if problem is not None:
        raise ConfigurationError(f"LONGLINE_PROXY: {problem}")
    try:
        return WayOut(outward)
    except CannotTrust as error:
        raise ConfigurationError(f"LONGLINE_CA_FILE: {error}") from None


NAME_SECONDS: Final = 5.0


class AddressRefused(OSError):
    """Each address of a host is one where the hub does not go."""


class PlaceRefused(httpx.ConnectError):
    """The hub does not go there; nothing was connected."""


async def address_of(host: str, port: int, allowed: Destinations) -> Address:
    """An address of a host that the hub may go to. Raises `OSError`, `TimeoutError`."""
    async with asyncio.timeout(NAME_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    for address in addresses:
        if allowed.allows(host, address):
            return address
    raise AddressRefused(
        f"{host} has no public address, and LONGLINE_WEBHOOK_ALLOW does not list it"
    )


class NamedPlaces(httpx.AsyncBaseTransport):
    """Asks the name of a host for each connection, and goes to the address that was checked. By a
    proxy, where the way out has one for a host: then the proxy asks the name."""

    def __init__(self, way_out: WayOut, allowed: Destinations) -> None:
        self._way_out = way_out
        self._allowed = allowed
        self._direct = httpx.AsyncHTTPTransport(
            verify=way_out.context, trust_env=False, limits=_ONCE
        )
        self._proxied: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if (problem := self._allowed.problem_of(url)) is not None:
            raise PlaceRefused(f"{request.url.host} {problem}", request=request)
        if (proxy := self._way_out.proxy_to(url)) is not None:
            return await self._by_proxy(proxy).handle_async_request(request)
        host, port = request.url.host, request.url.port or _PORTS[request.url.scheme]
        try:
            address = await address_of(host, port, self._allowed)
        except AddressRefused as error:
            raise PlaceRefused(str(error), request=request) from None
        except (OSError, TimeoutError) as error:
            raise httpx.ConnectError(str(error), request=request) from None
        if request.url.scheme == "http" and not self._allowed.allows_in_clear(host, address):
            raise PlaceRefused(f"{host} is not reached by http", request=request)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=str(address))
        return await self._direct.handle_async_request(request)

    def _by_proxy(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if self._proxied is None:
            self._proxied = httpx.AsyncHTTPTransport(
                verify=self._way_out.context, proxy=proxy, trust_env=False
            )
        return self._proxied

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


_ONCE: Final = httpx.Limits(max_keepalive_connections=0)
"""A connection is kept by its address, and two hosts may have the same: each gets its own, which
has shown the certificate of that host."""
_PORTS: Final = {"https": 443, "http": 80}
