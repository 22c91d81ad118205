"""One stream of server-sent events: it says what a dashboard's socket says, and hears nothing.

Its filter and where it goes on stand in the request. The id of a message is where its reader
stands, so that a client that comes back names its place by itself. Source of every rule:
streams.md, 2.
"""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from msgspec import Struct

from dashboard_ws.core.filters import Predicate, Sight
from dashboard_ws.core.wire import SSE
from dashboard_ws.ports import Authorised, Response
from dashboard_ws.replay import NOWHERE
from dashboard_ws.surroundings import Surroundings
from dashboard_ws.watcher import Watcher
from protocol import codec
from protocol.closing import CloseCode, closing
from protocol.dashboard import Position, StreamClosed, StreamPosition, Subscribed
from protocol.frames import Frame

MOST_STREAMS: Final = 20
"""Of one user, at a replica."""
RETRY: Final = b"retry: 3000\n\n"
COMMENT: Final = b":\n\n"
COMMENT_SECONDS: Final = 15.0
QUIET_SECONDS: Final = 30.0
ID: Final = "stream"
"""Of its one subscription."""
_SPREAD_MS: Final = 5_000
"""Over so long those come back who are sent away at once."""


class StreamRequest(Struct, frozen=True, kw_only=True):
    wanted: Predicate
    since: Position | None
    sight: Callable[[Authorised], Awaitable[Sight | None]]
    """As `Watcher.sight`."""


class EventStream(Watcher):
    def __init__(
        self,
        surroundings: Surroundings,
        authorised: Authorised,
        watchers: set[Watcher],
        request: StreamRequest,
    ) -> None:
        super().__init__(surroundings, authorised, watchers)
        self._who = authorised
        self._request = request
        self._selection = frozenset({request.wanted})

    # Called by the connection.

    def opened(self, response: Response) -> None:
        now = self._around.clock.monotonic()
        self._response = response
        self._commented = self._spoke = now
        self._begin(response, SSE)
        self._expires = self._authorise(self._who)
        response.write(RETRY)
        self._written = self._outlet.written
        if self._request.since is not None:
            self._start(partial(self._recover, self._request.since))
        elif self._reader.is_ready(self._selection):
            self._go_live()
        else:
            self._start(self._go_live_later)

    # Called by the registry.

    def look(self, now: float) -> None:
        if now >= self._expires:
            self.close(CloseCode.NOT_AUTHENTICATED)
            return
        super().look(now)
        if self._closed:
            return
        if self._outlet.written != self._written:
            self._written, self._spoke = self._outlet.written, now
        elif now - self._spoke >= QUIET_SECONDS and self._outlet.is_clear():
            self._spoke = now
            self._say(StreamPosition())
        if now - self._commented >= COMMENT_SECONDS:
            self._commented = now
            self._outlet.comment(COMMENT)

    async def sight(self, authorised: Authorised) -> Sight | None:
        return await self._request.sight(authorised)

    def close(self, code: CloseCode) -> None:
        if self._closed:
            return
        self._end()
        self._response.write(goodbye(code))
        self._response.end()

    # What it reads.

    def _go_live(self) -> None:
        self._reader.select(self._selection)
        self._answer(self._reader.position, recovered=False)

    async def _go_live_later(self) -> None:
        await self._reader.prepare(self._selection)
        self._go_live()

    async def _recover(self, since: Position) -> None:
        missed = self._reader.pause(since)
        await self._reader.replay(missed, self._selection, self._selection, self._answer)

    def _answer(self, live: Position, *, recovered: bool) -> None:
        self._say(Subscribed(id=ID, epoch=live.epoch, offset=live.offset, recovered=recovered))

    def _say(self, frame: Frame) -> None:
        """With where its reader stands: what it missed is still to come, so that is where it came
        back."""
        text, at = codec.encode(frame), self._reader.position
        if at == NOWHERE:
            self._outlet.say(text)
        else:
            self._outlet.write(SSE.placed(text, at.epoch, at.offset))


def goodbye(code: CloseCode) -> bytes:
    """The last message: whether, and after how long, to come back; a browser goes by `retry`."""
    after = _after_ms(code)
    frame = SSE.text(codec.encode(StreamClosed(code=code, after_ms=after)))
    return frame if not after else b"retry: %d\n%b" % (after, frame)


def _after_ms(code: CloseCode) -> int | None:
    """None for who is not to come back."""
    row = closing(code)
    if not row.come_back:
        return None
    away_at_once = code in (CloseCode.SERVICE_RESTART, CloseCode.TRY_LATER)
    spread = random.randrange(_SPREAD_MS) + 1 if away_at_once else 0  # noqa: S311 - not a secret
    return int(row.wait_seconds * 1000) + spread
