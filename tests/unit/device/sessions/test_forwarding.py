"""One connection of a forward, between a hub's socket and a host."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from device.sessions.forwarding import serve_forward
from device.sessions.stream import Stream
from protocol.sessions import ForwardParams, failure

SECONDS = 10
Host = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_host(answer: Host) -> AsyncGenerator[ForwardParams]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1024)
    try:
        yield ForwardParams(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def forwarded(hub: Callable[[ServerConnection], Awaitable[None]], to: ForwardParams) -> None:
    async with asyncio.timeout(SECONDS), serve(hub, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        async with connect(
            url, proxy=None, compression=None, ping_interval=0.2, ping_timeout=None
        ) as connection:
            await serve_forward(Stream(connection), to, ["127.0.0.1"])


async def test_a_host_that_reads_nothing_does_not_outlive_its_connection() -> None:
    ended = asyncio.Event()

    async def reads_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async def fills_and_leaves(hub: ServerConnection) -> None:
        async def fill() -> None:
            while True:
                await hub.send(b"\x00" + bytes(30_000))
                await asyncio.sleep(0)

        filling = asyncio.ensure_future(fill())
        await asyncio.wait([filling], timeout=0.5)
        filling.cancel()
        hub.transport.abort()

    async with a_host(reads_nothing) as to:
        await forwarded(fills_and_leaves, to)
        ended.set()


async def test_a_connection_that_the_host_resets_is_no_success() -> None:
    said: list[bytes | str] = []

    async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async def listens(hub: ServerConnection) -> None:
        said.extend([message async for message in hub])

    async with a_host(resets) as to:
        await forwarded(listens, to)
    assert said == [failure("Io", "the host has reset the connection")]
