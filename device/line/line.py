"""One connection to the hub: feed the session, flush what it sends, keep its clock ticking.

Nothing is decided here. `Line` lives from the 101 to the close. What is sent goes through one
bounded queue and one writer, which waits for the socket; a peer that takes nothing is noticed by
the session's liveness, and a queue that is full ends the line.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import websockets.asyncio.client as websocket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from cloud.outward import WayOut
from cloud.patient import PatientConnection
from protocol.closing import CloseCode
from protocol.peer_kernel import LOOK_SECONDS

MOST_FRAMES: Final = 2_000
BULK_FRAMES: Final = 256
"""Of bulk in the queue at one time, so that replies always find room."""
OPEN_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0
BROKEN: Final = 1006
"""RFC 6455: the code of a connection that ended without a close frame."""
MOST_BYTES: Final = 1024 * 1024
"""Of a message from the hub: a command has 256 KiB of parameters at most, and a head."""


class LineLost(Exception):
    """The line ended before the frame was handed to the socket."""


class _Connect(websocket.connect):
    """A line is to the hub that is configured: no redirect leads elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connect(
    url: str, token: str, *, agent: str, way_out: WayOut, subprotocol: str | None = None
) -> websocket.ClientConnection:
    """With a subprotocol it is no line but a socket beside it, whose peer may read nothing.
    Raises what `websockets` raises: `OSError`, `TimeoutError`, `InvalidHandshake`."""
    return await _Connect(
        url,
        additional_headers={"Authorization": f"Bearer {token}"},
        user_agent_header=agent,
        compression=None,
        proxy=way_out.proxy_to(url),
        ssl=way_out.context if url.startswith("wss:") else None,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
        ping_interval=LOOK_SECONDS if subprotocol else None,
        create_connection=PatientConnection,
        max_size=MOST_BYTES,
    )


class _Outgoing(NamedTuple):
    frame: bytes
    bulk: bool


class Line:
    def __init__(self, connection: websocket.ClientConnection) -> None:
        self._connection = connection
        self._outgoing: asyncio.Queue[_Outgoing] = asyncio.Queue(MOST_FRAMES)
        self._bulk_room = asyncio.Semaphore(BULK_FRAMES)
        self._ended = False

    def send(self, frame: bytes) -> None:
        """Queue a frame; when there is no room the line ends."""
        try:
            self._outgoing.put_nowait(_Outgoing(frame, bulk=False))
        except asyncio.QueueFull:
            self.abort()

    async def hand_over(self, frame: bytes) -> None:
        """Queue a frame of bulk when there is room. Raises `LineLost`."""
        await self._bulk_room.acquire()
        if self._ended:
            self._bulk_room.release()
            raise LineLost
        await self._outgoing.put(_Outgoing(frame, bulk=True))

    async def flushed(self) -> None:
        """Wait until everything queued is with the socket. Raises `LineLost`."""
        await self._outgoing.join()
        if self._ended:
            raise LineLost

    async def ping(self, heard: Callable[[], None]) -> None:
        """Send a ping; `heard` is called when its pong comes."""
        pong = await self._connection.ping()

        def answered(waiter: asyncio.Future[float]) -> None:
            if not waiter.cancelled() and waiter.exception() is None:
                heard()

        asyncio.ensure_future(pong).add_done_callback(answered)

    def abort(self) -> None:
        """Drop the connection without a goodbye: the peer does not listen."""
        self._connection.transport.abort()

    async def close(self, code: CloseCode = CloseCode.NORMAL) -> None:
        await self._connection.close(code)

    async def run(
        self,
        *,
        receive: Callable[[bytes | str], Awaitable[None]],
        tick: Callable[[], Awaitable[None]],
    ) -> int:
        """Serve until the connection ends; the close code. Cancelling says goodbye first."""
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write())
                ticker = tasks.create_task(self._tick(tick))
                await self._read(receive)
                writer.cancel()
                ticker.cancel()
        finally:
            self._ended = True
            self._forget()
            await self.close()
        return self._connection.close_code or BROKEN

    async def _read(self, receive: Callable[[bytes | str], Awaitable[None]]) -> None:
        try:
            while True:
                await receive(await self._connection.recv())
        except ConnectionClosed:
            return

    async def _write(self) -> None:
        try:
            while True:
                outgoing = await self._outgoing.get()
                try:
                    await self._connection.send(outgoing.frame, text=True)
                finally:
                    self._done(outgoing)
        except ConnectionClosed:
            return

    async def _tick(self, tick: Callable[[], Awaitable[None]]) -> None:
        try:
            while True:
                await asyncio.sleep(1.0)
                await tick()
        except ConnectionClosed:
            return

    def _forget(self) -> None:
        # Whoever waits for room or for the flush goes on and finds the line ended.
        while not self._outgoing.empty():
            self._done(self._outgoing.get_nowait())

    def _done(self, outgoing: _Outgoing) -> None:
        self._outgoing.task_done()
        if outgoing.bulk:
            self._bulk_room.release()
