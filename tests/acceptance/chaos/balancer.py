"""A TCP balancer in front of the replicas: each connection goes to one that says it is ready.

Nothing is sticky. A replica is asked for `/readyz` twice a second; one that does not answer within
a second, or not with 200, gets no new connections. Open ones stay: that is the replica's business.
"""

import asyncio
import contextlib
import itertools
from typing import Final

import httpx

from tests.acceptance.chaos.proxy import Address, Proxy

LOOK_SECONDS: Final = 0.5


class Balancer(Proxy):
    def __init__(self, ports: list[int]) -> None:
        super().__init__(self._next)
        self._ports = ports
        self._ready: list[int] = []
        self._turns = itertools.count()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def look(self) -> None:
        """For ever."""
        async with httpx.AsyncClient(timeout=1, trust_env=False) as client:
            while True:
                answers = await asyncio.gather(*(_is_ready(client, port) for port in self._ports))
                self._ready = [
                    port for port, ready in zip(self._ports, answers, strict=True) if ready
                ]
                await asyncio.sleep(LOOK_SECONDS)

    def _next(self) -> Address | None:
        ready = self._ready
        return ("127.0.0.1", ready[next(self._turns) % len(ready)]) if ready else None


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    return False
