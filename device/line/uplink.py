"""The way up to the hub, whichever line there is: for whoever has something to send.

Replies and status go to the present line or nowhere (the session sends again what must arrive).
Bulk waits its turn: it is paced below the hub's flood limits and feels the socket's backpressure.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from device.line.line import Line, LineLost
from device.line.pace import Pace
from device.line.session import Session

FLUSH_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 0.1


class Uplink:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pace = Pace(clock())
        self._line: Line | None = None
        self._session: Session | None = None
        self._is_open = asyncio.Event()

    def attach(self, line: Line, session: Session) -> None:
        """`session` was welcomed on `line`."""
        self._line, self._session = line, session
        self._is_open.set()

    def detach(self) -> None:
        self._line = self._session = None
        self._is_open.clear()

    @property
    def has_line(self) -> bool:
        return self._line is not None

    def end(self) -> None:
        """End the present line, if there is one: the next shows what is good now."""
        if self._line is not None:
            self._line.abort()

    def carries(self, line: Line) -> bool:
        """Whether `line` is still the present one."""
        return self._line is line

    def hub_accepts(self, frame_type: str) -> bool:
        """Whether the hub on the present line takes frames of this type."""
        return self._session is not None and frame_type in self._session.hub_accepts

    def send(self, frame: Struct) -> None:
        if self._session is not None:
            self._session.send(frame)

    async def opened(self) -> Line:
        """The present line; waits until there is one."""
        while self._line is None:
            await self._is_open.wait()
        return self._line

    async def stood(self, seconds: float) -> None:
        """Wait until one line has stood for so long, and carries an answer of the hub."""
        while True:
            line = await self.opened()
            await asyncio.sleep(seconds)
            if self.carries(line):
                await self.reached()
                return

    async def reached(self) -> None:
        """Wait until the hub has answered something that was asked after this call began."""
        while True:
            line = await self.opened()
            answered = asyncio.Event()
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                await line.ping(answered.set)
                async with asyncio.timeout(ANSWER_SECONDS):
                    await answered.wait()
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def hand_over(self, frame: bytes, line: Line) -> None:
        """Send one frame of bulk on `line`. Raises `LineLost` when that is not the line any more:
        what belongs together must not begin on one line and go on on the next."""
        wait = self._pace.wait(len(frame), self._clock())
        if wait:
            await asyncio.sleep(wait)
        if self._line is not line:
            raise LineLost
        await line.hand_over(frame)

    async def flushed(self) -> None:
        """Wait until what was sent is with the socket. Raises `LineLost`."""
        if self._line is None:
            raise LineLost
        await self._line.flushed()

    async def say_goodbye(self) -> None:
        """Give what was sent a moment to leave."""
        with contextlib.suppress(LineLost, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.flushed()
