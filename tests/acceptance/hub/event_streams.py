"""A raw client of server-sent events: it knows no more than the HTML standard says."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.acceptance.hub.clients import DEADLINE, Json, bearer

PATH = "/api/v1/events/stream"


class Message(NamedTuple):
    id: str | None
    """None for a message without one."""
    data: Json


class EventSource:
    """One response of a stream. `place` is the id of the last message that had one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.retry: list[int] = []
        self.comments = 0
        self.place: str | None = None

    async def read_head(self) -> None:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        lines = (line.partition(":") for line in head[1:] if line)
        self.headers = {name.lower(): value.strip() for name, _, value in lines}

    async def body(self) -> Json:
        """Of an answer that is no stream."""
        found: Json = json.loads(await self._reader.read() or b"null")
        return found

    async def message(self, *, seconds: float = DEADLINE) -> Message | None:
        """The next one; None when the response has ended."""
        async with asyncio.timeout(seconds):
            while True:
                block = await self._block()
                if block is None:
                    return None
                found = self._read(block)
                if found is not None:
                    return found

    async def _block(self) -> str | None:
        try:
            return (await self._reader.readuntil(b"\n\n")).decode()
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise AssertionError("it ended within a message") from error
            return None

    def _read(self, block: str) -> Message | None:
        ident, data = None, ""
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    ident = self.place = value
                case "data":
                    data = value
                case "retry":
                    self.retry.append(int(value))
                case ":":
                    self.comments += 1
                case "":
                    pass
                case _:
                    raise AssertionError(f"no field of ours: {line}")
        return Message(ident, json.loads(data)) if data else None

    async def expect(self, type_: str, *, seconds: float = DEADLINE, **fields: Any) -> Message:
        """The next message, which must be this one."""
        found = await self.message(seconds=seconds)
        assert found is not None, "it has ended"
        shown = {name: found.data.get(name) for name in ("type", *fields)}
        assert shown == {"type": type_, **fields}, found
        return found

    async def closed(self, *, seconds: float = DEADLINE) -> Json:
        """The close message, behind which the response ends; others are passed over."""
        async with asyncio.timeout(seconds):
            while (found := await self.message(seconds=seconds)) is not None:
                if found.data["type"] == "close":
                    assert await self.message() is None
                    return found.data
        raise AssertionError("it ended without a word")


@asynccontextmanager
async def request(
    url: str,
    token: str | None = None,
    *,
    last_event_id: str | None = None,
    limit: int = 2**20,
    method: str = "GET",
    path: str = PATH,
    **query: str,
) -> AsyncGenerator[EventSource]:
    """The answer, whatever it is."""
    where = urlsplit(url)
    lines = [
        f"{method} {path}?{urlencode(query)} HTTP/1.1",
        f"Host: {where.netloc}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in (bearer(token) if token else {}).items()]
    if last_event_id is not None:
        lines.append(f"Last-Event-ID: {last_event_id}")
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=limit)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    source = EventSource(reader, writer)
    try:
        async with asyncio.timeout(DEADLINE):
            await source.read_head()
        yield source
    finally:
        writer.transport.abort()


@asynccontextmanager
async def stream(url: str, token: str | None = None, **asked: Any) -> AsyncGenerator[EventSource]:
    """One that is open."""
    async with request(url, token, **asked) as source:
        assert source.status == 200, await source.body()
        yield source
