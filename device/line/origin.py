"""The device's credentials go to the hub's own origin, and nowhere else (RFC 6750, 5.3)."""

from collections.abc import Awaitable, Callable

import httpx


def only_to(hub: str) -> Callable[[httpx.Request], Awaitable[None]]:
    """A hook of a client: a request to another scheme, host or port is not sent."""
    home = _origin(httpx.URL(hub))

    async def check(request: httpx.Request) -> None:
        if _origin(request.url) != home:
            raise httpx.UnsupportedProtocol(f"{request.url.host} is not the hub")

    return check


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
