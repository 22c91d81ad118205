"""Many requests at once, or at a pace, by a client that costs little: raw, pipelined HTTP/1.1."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec import Struct

CONNECTIONS = 4
SECONDS = 60.0


class Answer(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes


async def flood(
    url: str,
    count: int,
    path: str,
    *,
    token: str = "",
    at: str = "127.0.0.1",
    body: bytes = b"",
    proxied_for: str = "",
) -> list[Answer]:
    """So many at once, over a few connections and none waiting for the answer to another: a client
    that costs little, or it would be no flood."""
    request = request_for(path, token=token, body=body, proxied_for=proxied_for)
    parts = [count // CONNECTIONS] * CONNECTIONS
    port = int(url.rpartition(":")[2])
    found = await asyncio.gather(*(pipelined(port, at, request, part) for part in parts))
    return [answer for answers in found for answer in answers]


def request_for(path: str, *, token: str = "", body: bytes = b"", proxied_for: str = "") -> bytes:
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if proxied_for:
        head += f"X-Forwarded-For: {proxied_for}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def pipelined(port: int, at: str, request: bytes, count: int) -> list[Answer]:
    async with connection(port, at) as (reader, writer), asyncio.timeout(SECONDS):
        writer.write(request * count)
        return [await read_answer(reader) for _ in range(count)]


async def paced(url: str, request: bytes, *, rate: float, seconds: float) -> list[int]:
    """The statuses of requests over one connection, so many a second whatever the answers do."""
    loop = asyncio.get_running_loop()
    port = int(url.rpartition(":")[2])
    count = int(rate * seconds)
    async with connection(port) as (reader, writer), asyncio.timeout(SECONDS):
        began = loop.time()

        async def send() -> None:
            for number in range(count):
                await asyncio.sleep(began + number / rate - loop.time())
                writer.write(request)

        sending = asyncio.create_task(send())
        statuses = [(await read_answer(reader)).status for _ in range(count)]
        await sending
        return statuses


@asynccontextmanager
async def connection(
    port: int, at: str = "127.0.0.1"
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(at, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(first.split()[1]), headers, body)
