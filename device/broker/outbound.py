"""The way to issuers and endpoints: by the proxy of the settings, or without it where they say so.

Which servers those are is known only when an issuer has said where it is asked.
"""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import httpx

from cloud.outward import WayOut

SECONDS: Final = 10.0
"""For one request, everything included."""


class Outbound:
    """Give it `async with`."""

    def __init__(self, way_out: WayOut, *, agent: str) -> None:
        """`agent` names this program to servers."""
        self._way_out = way_out
        headers = {"User-Agent": agent}
        self._by_proxy = httpx.AsyncClient(headers=headers, timeout=SECONDS, **way_out.options())
        self._direct = httpx.AsyncClient(
            headers=headers, timeout=SECONDS, trust_env=False, verify=way_out.context
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in (self._by_proxy, self._direct):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def to(self, url: str) -> httpx.AsyncClient:
        """The client for `url`, which is one."""
        return self._by_proxy if self._way_out.proxy_to(url) else self._direct
