"""A proxy as a plant has it: whoever wants out says CONNECT with the password, and it alone knows
the names."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class ForwardProxy:
    """`places`: host → (address, port)."""

    user, password = "box", "s3cret"

    def __init__(self, places: dict[str, tuple[str, int]]) -> None:
        self._places = places
        self.port = 0
        self.connected: list[str] = []
        """Whereto, in order."""
        self.refused: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{self.user}:{self.password}@127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["ForwardProxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0)  # A task that is cancelled before its first step closes nothing.
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        known = b64encode(f"{self.user}:{self.password}".encode()).decode()
        host = target.rpartition(":")[0]
        if method != "CONNECT" or f"Basic {known}" not in head or host not in self._places:
            self.refused.append(f"{method} {target}")
            writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
        else:
            self.connected.append(target)
            await self._tunnel(reader, writer, *self._places[host])

    async def _tunnel(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, port: int
    ) -> None:
        there_reader, there_writer = await asyncio.open_connection(address, port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pour(reader, there_writer))
                tasks.create_task(_pour(there_reader, writer))
        finally:
            there_writer.close()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
