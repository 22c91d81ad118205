"""The way between simulated devices and their hub, which a script can freeze, slow down, or lead to
a portal: a proxy (CONNECT) on loopback that knows each device by the name in its password.
"""

import asyncio
import contextlib
from base64 import b64decode
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Final

CHUNK: Final = 16 * 1024
MOST_HEAD: Final = 16 * 1024
PAGE: Final = b"<html><body>Please log in to the network</body></html>"
_PORTAL: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)
)


class Link:
    """Of one device."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.bytes_per_second: int | None = None
        self.is_portal = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    @contextlib.contextmanager
    def holding(self, *writers: asyncio.StreamWriter) -> Generator[None]:
        self._writers.update(writers)
        try:
            yield
        finally:
            self._writers.difference_update(writers)

    async def pour(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Until one side has ended."""
        while data := await source.read(CHUNK):
            await self._flows.wait()
            await asyncio.sleep(self._seconds(len(data)))
            sink.write(data)
            await sink.drain()

    def _seconds(self, size: int) -> float:
        return self.delay + (size / self.bytes_per_second if self.bytes_per_second else 0.0)


class Relay:
    def __init__(self) -> None:
        self._port = 0
        self._links: dict[int, Link] = {}

    def link(self, number: int) -> Link:
        return self._links.setdefault(number, Link())

    def proxy(self, number: int) -> str:
        """What this device reaches its hub by."""
        return f"http://device:{number}@127.0.0.1:{self._port}"

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["Relay"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST_HEAD)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in self._links.values():
                link.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError, KeyError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            link = self._links[_number_in(head)]
            with link.holding(writer):
                if link.is_portal:
                    await _answer_as_portal(reader, writer)
                else:
                    await _relay(head.split(" ")[1], link, reader, writer)
        writer.close()


def _number_in(head: str) -> int:
    """Raises `ValueError`."""
    credentials = head.partition("Proxy-Authorization: Basic ")[2].partition("\r\n")[0]
    return int(b64decode(credentials).decode().partition(":")[2])


async def _answer_as_portal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_PORTAL)
    await writer.drain()


async def _relay(
    target: str, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    host, _, port = target.rpartition(":")
    there_reader, there_writer = await asyncio.open_connection(host.strip("[]"), int(port))
    with link.holding(there_writer):
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = [
            asyncio.ensure_future(link.pour(reader, there_writer)),
            asyncio.ensure_future(link.pour(there_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)  # a reset is an end like another
            there_writer.close()
