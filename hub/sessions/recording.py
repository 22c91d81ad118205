"""Keeps what a terminal shows, while it is shown.

Pieces go into the database one after the other. What cannot be stored within ten seconds ends the
session: there is no terminal without a recording.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from hub.base.errors import Unavailable
from hub.sessions.asciicast import MOST_BYTES, CastWriter
from hub.sessions.ending import EndReason

log = structlog.get_logger(__name__)

PIECE_BYTES: Final = 64 * 1024
PIECE_SECONDS: Final = 5.0
STORE_SECONDS: Final = 10.0
MOST_WAITING: Final = 192 * 1024
"""Characters that wait to be stored, above which nothing more is read of the device."""
USUAL_SIZE: Final = (80, 24)

Store = Callable[[int, str, tuple[int, int]], Awaitable[None]]


class Recorder:
    """`store` is given the number of a piece, its lines and the size of the terminal, and raises
    `Unavailable`. `failed` is told once."""

    def __init__(
        self,
        store: Store,
        failed: Callable[[EndReason], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        stored: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._failed = failed
        self._spawn = spawn
        self._tell_stored = stored
        self._clock = clock
        self._cast = CastWriter(clock())
        self._lines: list[str] = []
        self._waiting = 0
        self._since = clock()
        """When the oldest line that waits was written."""
        self._number = 0
        self._total = 0
        self._idle = asyncio.Event()
        """Nothing is being stored."""
        self._idle.set()
        self._ended = False

    @property
    def is_full(self) -> bool:
        return self._waiting > MOST_WAITING

    def saw(self, message: bytes) -> None:
        line = self._cast.line(message, self._clock())
        if line is None or self._ended:
            return
        if not self._lines:
            self._since = self._clock()
        self._lines.append(line)
        self._waiting += len(line)
        self._total += len(line)
        if self._total > MOST_BYTES:
            self._fail(EndReason.RECORDING_FULL)
        elif self._waiting >= PIECE_BYTES:
            self._begin()

    def look(self) -> None:
        """Once a second."""
        if self._ended or not self._lines:
            return
        age = self._clock() - self._since
        if age > STORE_SECONDS + PIECE_SECONDS:
            self._fail(EndReason.RECORDING_FAILED)
        elif age >= PIECE_SECONDS:
            self._begin()

    def _begin(self) -> None:
        if self._idle.is_set():
            self._idle.clear()
            self._spawn(self._keep())

    async def _keep(self) -> None:
        try:
            while self._waiting >= PIECE_BYTES or self._is_old():
                await self._piece()
        except Unavailable:
            log.warning("recording_not_stored")  # `look` tries again, or gives up
        finally:
            self._idle.set()

    def _is_old(self) -> bool:
        return bool(self._lines) and self._clock() - self._since >= PIECE_SECONDS

    async def _piece(self) -> None:
        """What comes while it is stored is of the next one. It is stored once, whatever the
        database has answered the first time."""
        count = len(self._lines)
        text = "".join(self._lines[:count])
        await self._store(self._number + 1, text, self._cast.size or USUAL_SIZE)
        self._number += 1
        del self._lines[:count]
        self._waiting -= len(text)
        self._since = self._clock()
        self._tell_stored()

    def _fail(self, reason: EndReason) -> None:
        if not self._ended:
            self._ended = True
            self._failed(reason)

    async def finish(self) -> bool:
        """Store what waits; whether nothing was lost."""
        failed, self._ended = self._ended, True
        await self._idle.wait()  # its deadline is the database's
        rest = self._cast.end(self._clock())
        if rest:
            self._lines.append(rest)
            self._waiting += len(rest)
        try:
            while self._lines:
                await self._piece()
        except Unavailable:
            return False
        return not failed
