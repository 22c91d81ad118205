"""A real uvicorn with our socket classes, in the test's own loop, and a raw peer for it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from hub.socket.connection import connection_class
from hub.socket.handler import Handler, Socket, SocketLimits
from hub.socket.handshake import Refusal, Upgrade
from hub.socket.http import HttpProtocol
from hub.socket.pings import PingWheel
from protocol.errors import ProblemCode
from tests.conformance import wire

DEADLINE = 5.0
Answer = Handler | Refusal | Awaitable[Handler | Refusal]


class Echo:
    """Answers every text message with itself and keeps what happened."""

    def __init__(self) -> None:
        self.connection: Socket
        self.texts: list[bytes] = []
        self.codes: list[int] = []
        self.drains = 0

    def opened(self, connection: Socket) -> None:
        self.connection = connection
        connection.max_message = 64 * 1024

    def text(self, message: bytes) -> None:
        self.texts.append(message)
        self.connection.send(message)

    def binary(self, message: bytes) -> None:
        self.connection.send(b"binary")

    def drained(self) -> None:
        self.drains += 1

    def closed(self, code: int) -> None:
        self.codes.append(code)


class Doorman:
    """Lets everybody in who asks for a path below /ws."""

    def __init__(self, admit: Callable[[Upgrade], Answer] | None = None) -> None:
        self.upgrades: list[Upgrade] = []
        self.handlers: list[Echo] = []
        self._admit = admit

    def admit(self, upgrade: Upgrade) -> Answer:
        self.upgrades.append(upgrade)
        if self._admit is not None:
            return self._admit(upgrade)
        if not upgrade.path.startswith("/ws/"):
            return Refusal(404, ProblemCode.NOT_FOUND, "no such socket")
        self.handlers.append(Echo())
        return self.handlers[-1]


class Served:
    def __init__(self, port: int, state: ServerState, gate: Doorman) -> None:
        self.port = port
        self.state = state
        self.gate = gate

    @asynccontextmanager
    async def peer(self, *, limit: int = 2**20) -> AsyncGenerator["Peer"]:
        """A TCP connection; `limit`: bytes that are read ahead."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        try:
            yield Peer(reader, writer)
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def socket(self, request: bytes | None = None) -> AsyncGenerator["Peer"]:
        """An open WebSocket."""
        async with self.peer() as peer:
            peer.write(request or wire.request())
            assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
            yield peer


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def write_bytewise(self, data: bytes) -> None:
        for index in range(len(data)):
            self.writer.write(data[index : index + 1])
            await asyncio.sleep(0)

    async def head(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        """All until the hub ends the connection."""
        async with asyncio.timeout(DEADLINE):
            return await self._reader.read()

    async def frames(self) -> list[tuple[int, bytes]]:
        """All until the hub ends the connection; of close frames the code only."""
        return [
            (opcode, payload[:2] if opcode == wire.CLOSE else payload)
            for opcode, payload in wire.answers(await self.rest())
        ]

    async def dropped(self) -> bool:
        """Whether the hub reset the connection, or ended it without a word."""
        try:
            return await self.rest() == b""
        except ConnectionResetError:
            return True


async def until(condition: Callable[[], object]) -> None:
    """Fails when `condition` has not come true by the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - any condition, not only those that can notify
            await asyncio.sleep(0.001)


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that reads the body and says how long it was."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = b"%d" % size
    length = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    gate: Doorman | None = None,
    *,
    pings: PingWheel | None = None,
    limits: SocketLimits | None = None,
    http: type[HttpProtocol] = HttpProtocol,
    app: Any = hello,
) -> AsyncGenerator[Served]:
    gate = gate or Doorman()
    config = uvicorn.Config(
        app,
        port=0,
        http=http,
        ws=connection_class(gate, pings or PingWheel(), limits),
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(port, server.server_state, gate)
    finally:
        await server.shutdown()
