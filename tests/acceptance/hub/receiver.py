"""What a webhook delivers to: a server on loopback that keeps what it gets, and answers as told. It
is at an address where nothing else is, so that a hub may be let to it and to nowhere else."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct
from standardwebhooks.webhooks import Webhook

from tests.acceptance.hub.clients import DEADLINE, Json

ADDRESS: Final = "127.0.0.2"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [
        f"HTTP/1.1 {status} Said",
        *headers,
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Received(Struct, frozen=True):
    """One request."""

    path: str
    headers: dict[str, str]
    """Their names in lower case."""
    body: bytes
    at: float
    """Monotonic."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def events(self) -> list[Json]:
        found: list[Json] = json.loads(self.body)["data"]
        return found

    def verified_by(self, secret: str) -> Json:
        """The body. Raises for a signature that is not by this secret."""
        found: Json = Webhook(secret).verify(self.body, self.headers)
        return found


class Receiver:
    """`says` answers each request; None: nothing, until the hub goes away."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.says: Callable[[Received], bytes | None] = lambda _: OK
        self.port = 0
        self._server: asyncio.Server | None = None
        self._came = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}/hook"

    async def open(self) -> None:
        """At the same port as before."""
        self._server = await asyncio.start_server(self._serve, ADDRESS, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = await self._take(reader)
            if said is None:
                await reader.read()
            else:
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> bytes | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        now = asyncio.get_running_loop().time()
        received = Received(head[0].split()[1], headers, body, now)
        self.received.append(received)
        async with self._came:
            self._came.notify_all()
        return self.says(received)

    async def until(
        self, condition: Callable[[list[Received]], Any], *, seconds: float = DEADLINE
    ) -> list[Received]:
        """All that came, once `condition` holds of it."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: condition(self.received))
        return list(self.received)

    async def events(self, count: int, *, seconds: float = DEADLINE) -> list[Json]:
        """So many events, each once by its id, in the order in which they came first."""
        await self.until(lambda _: len(self.unique()) >= count, seconds=seconds)
        return self.unique()

    def unique(self) -> list[Json]:
        found: dict[str, Json] = {}
        for each in self.received:
            for event in each.events:
                found.setdefault(event["id"], event)
        return list(found.values())


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    await receiver.open()
    try:
        yield receiver
    finally:
        await receiver.close()
