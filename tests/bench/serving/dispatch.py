"""The socket path alone: `python -m tests.bench.serving.dispatch PORT`.

The hub's connection class and line sessions under uvicorn, without REST, Postgres and Redis. For
each line of standard input, `IN_FLIGHT SECONDS`, commands are dispatched from inside the process to
the lines that are open, and one JSON line tells how many there were and how long each took.
"""

import asyncio
import itertools
import math
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import uvicorn
import uvloop

from hub.lines.pace import Rates
from hub.lines.session import LineSession
from hub.socket.connection import connection_class
from hub.socket.handler import Socket
from hub.socket.handshake import Upgrade
from hub.socket.http import HttpProtocol
from hub.socket.pings import PingWheel
from protocol.codec import encode_command
from protocol.ids import CommandId
from protocol.replies import Reply, Result
from tests.factories import FakeContext, Listener, make_line

_ids: Final = itertools.count()


class Inside(Listener):
    """Who waits for which result."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[CommandId, asyncio.Future[None]] = {}

    def opened(self, line: LineSession) -> None: ...
    def settled(self, line: LineSession) -> None: ...
    def closed(self, line: LineSession) -> None: ...

    def replied(self, line: LineSession, reply: Reply) -> None:
        if isinstance(reply, Result):
            self.waiting.pop(reply.command_id).set_result(None)


class Around(FakeContext):
    def __init__(self, inside: Inside) -> None:
        super().__init__(Rates(frames=0, bytes=0))
        self.heard = inside

    def clock(self) -> float:
        return time.monotonic()


class Device:
    """The handler of one socket: a session, authenticated already."""

    def __init__(self, around: Around, lines: list[LineSession]) -> None:
        self._around = around
        self._lines = lines
        self._session: LineSession

    def opened(self, connection: Socket) -> None:
        connection.max_message = 64 * 1024
        self._session = make_line(
            context=self._around, send=connection.send, close=connection.close
        )
        self._session.welcome()
        self._lines.append(self._session)

    def text(self, message: bytes) -> None:
        self._session.text(message)

    def binary(self, message: bytes) -> None:
        self._session.binary()

    def drained(self) -> None: ...

    def closed(self, code: int) -> None:
        self._lines.remove(self._session)


class Dispatcher:
    def __init__(self) -> None:
        self.inside = Inside()
        self.lines: list[LineSession] = []
        self._around = Around(self.inside)

    def admit(self, upgrade: Upgrade) -> Device:
        return Device(self._around, self.lines)

    async def run(self, in_flight: int, seconds: float) -> list[float]:
        """How long each command took, in milliseconds."""
        until = time.perf_counter() + seconds
        found: list[float] = []

        async def one(line: LineSession) -> None:
            while (began := time.perf_counter()) < until:
                await self._dispatch(line)
                found.append((time.perf_counter() - began) * 1000)

        await asyncio.gather(*(one(line) for line in self.lines[:in_flight]))
        return found

    async def _dispatch(self, line: LineSession) -> None:
        command_id = CommandId(f"c{next(_ids):015d}")
        future = self.inside.waiting[command_id] = asyncio.get_running_loop().create_future()
        line.send(
            encode_command(
                "force_sync", command_id, {}, "2026-01-01T12:00:15.000Z", "2026-01-01T12:00:00.000Z"
            )
        )
        await future


@asynccontextmanager
async def _serving(dispatcher: Dispatcher, port: int) -> AsyncGenerator[None]:
    config = uvicorn.Config(
        _no_http, port=port, http=HttpProtocol, ws=connection_class(dispatcher, PingWheel()),
        loop="none", lifespan="off", log_config=None,
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield


async def _no_http(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("there is nothing but sockets here")


async def main(port: int) -> None:
    dispatcher = Dispatcher()
    async with _serving(dispatcher, port):
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            in_flight, seconds = line.split()
            found = sorted(await dispatcher.run(int(in_flight), float(seconds)))
            last = len(found) - 1
            answer = {
                "count": len(found),
                "p50": found[last // 2],
                "p99": found[math.floor(last * 0.99)],
            }
            print(msgspec.json.encode(answer).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
