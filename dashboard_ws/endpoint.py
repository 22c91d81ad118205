"""One dashboard's socket: carries out what its session decides.

The connection calls `opened`, `text`, `binary`, `drained` and `closed`, synchronously. What takes
time (a token, a group's members, a replay) runs as one task at a time; the session holds back the
frames that must wait for it. What it gets of the stream is its reader's.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, assert_never

import structlog
from msgspec import structs

from dashboard_ws.core.filters import Sight
from dashboard_ws.core.session import Apply, Check, Close, Effect, Narrow, Pong, Send, Session
from dashboard_ws.outlet import Outlet
from dashboard_ws.ports import Authorised, Connection
from dashboard_ws.reader import Missed, StreamReader
from dashboard_ws.surroundings import Surroundings
from protocol import codec
from protocol.closing import CloseCode, closing
from protocol.dashboard import DashboardPong, Position, Subscribed
from protocol.frames import AuthOk

Work = Callable[[], Coroutine[Any, Any, None]]
"""Not yet a coroutine: who is cancelled before the start would leave it behind unawaited."""

MOST_SOCKETS: Final = 50
"""Of one user, at a replica."""

_log: Final = structlog.get_logger(__name__)


def sockets_of(open_sockets: "Iterable[Dashboard]", authorised: Authorised) -> int:
    """How many of these are of the same user."""
    user = (authorised.org, authorised.user_id)
    holders = (dashboard.authorised for dashboard in open_sockets)
    return sum((who.org, who.user_id) == user for who in holders if who is not None)


class Dashboard:
    """`authorised` is who the upgrade's header or ticket spoke for, None when it had neither.
    It is in `open_sockets` from its opening to its end."""

    def __init__(
        self,
        surroundings: Surroundings,
        authorised: Authorised | None,
        open_sockets: "set[Dashboard]",
    ) -> None:
        self._around = surroundings
        self._open_sockets = open_sockets
        self.authorised = authorised
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # Called by the connection.

    def opened(self, connection: Connection) -> None:
        now = self._around.clock.monotonic()
        self._connection = connection
        self._outlet = Outlet(
            connection, self._around.frame, lambda: self.close(CloseCode.NO_PROGRESS), now
        )
        self._reader = StreamReader(self._around, self._outlet)
        expires = None if self.authorised is None else self._authorise(self.authorised)
        self._session = Session(now, expires=expires)
        connection.max_message = self._session.max_message
        self._open_sockets.add(self)

    def text(self, message: bytes) -> None:
        self._session.received = self._outlet.received
        self._perform(self._session.text(message, self._around.clock.monotonic()))

    def binary(self, _: bytes) -> None:
        now = self._around.clock.monotonic()
        self._perform(self._session.invalid("a binary frame", now))

    def drained(self) -> None:
        self._outlet.pump()

    def closed(self, code: int) -> None:
        _log.debug("dashboard_closed", code=code)
        self._end()

    # Called by the registry.

    def look(self, now: float) -> None:
        """Time has passed."""
        self._perform(self._session.look(now))
        self._outlet.pump()
        if not self._closed and self._outlet.is_stalled(now):
            self._end()
            self._connection.abort(CloseCode.NO_PROGRESS)

    def see(self, sight: Sight) -> None:
        """What its reader may see is this now."""
        if self.authorised is not None and not self._closed:
            self.authorised = structs.replace(self.authorised, sight=sight)
            self._reader.set_sight(sight)

    def withdraw(self) -> None:
        """Devices have left groups: what waits of them may not be its reader's any more."""
        if self.authorised is not None and not self._closed:
            self._reader.withdraw()

    def close(self, code: CloseCode) -> None:
        if self._closed:
            return
        self._end()
        self._connection.close(code, closing(code).reason)

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._session.closed()
        self._reader.end()
        if self._task is not None:
            self._task.cancel()
        self._open_sockets.discard(self)

    # What the session decides.

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    self._outlet.say(text)
                case Pong():
                    self._outlet.say(self._pong())
                case Check(token):
                    self._start(partial(self._check, token))
                case Apply():
                    self._apply(effect)
                case Narrow():
                    self._reader.select(self._session.selection)
                case Close(code):
                    self.close(code)
                case _:
                    assert_never(effect)

    def _start(self, work: Work) -> None:
        self._task = self._around.spawn(self._guarded(work))

    async def _guarded(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            # Postgres or the stream is not there, or we are wrong: either way, come back later.
            _log.warning("dashboard_failed", exc_info=error)
            self.close(CloseCode.TRY_LATER)

    async def _check(self, token: str) -> None:
        found = await self._around.tokens.check(token)
        known = self.authorised
        if found is None or (known and (known.org, known.user_id) != (found.org, found.user_id)):
            self._perform(self._session.checked(None, b""))
            return
        if known is None and sockets_of(self._open_sockets, found) >= MOST_SOCKETS:
            self.close(CloseCode.TRY_LATER)
            return
        answer = codec.encode(AuthOk(expires_at=codec.rfc3339(found.expires_at)))
        effects = self._session.checked(self._authorise(found), answer)
        self._connection.max_message = self._session.max_message
        self._perform(effects)

    def _authorise(self, authorised: Authorised) -> float:
        """Remember who it is; when that ends, in monotonic seconds."""
        self.authorised = authorised
        self._reader.enter(authorised.org)
        self._reader.set_sight(authorised.sight)
        clock = self._around.clock
        return clock.monotonic() + (authorised.expires_at - clock.now()).total_seconds()

    def _apply(self, change: Apply) -> None:
        if change.since is not None:
            missed = self._reader.pause(change.since)
            self._start(partial(self._recover, change, missed))
        elif self._reader.is_ready(self._session.selection):
            self._widen(change)
        else:
            self._start(partial(self._widen_later, change))

    def _widen(self, change: Apply) -> None:
        self._reader.select(self._session.selection)
        self._answer(change, self._reader.position, recovered=False)
        self._perform(self._session.done())

    async def _widen_later(self, change: Apply) -> None:
        await self._reader.prepare(self._session.selection)
        self._widen(change)

    async def _recover(self, change: Apply, missed: Missed) -> None:
        answer = partial(self._answer, change)
        await self._reader.replay(missed, change.fresh, self._session.selection, answer)
        self._perform(self._session.done())

    def _answer(self, change: Apply, live: Position, *, recovered: bool) -> None:
        for id_ in change.ids:
            answer = Subscribed(id=id_, epoch=live.epoch, offset=live.offset, recovered=recovered)
            self._outlet.say(codec.encode(answer))

    def _pong(self) -> bytes:
        at, now = self._reader.position, codec.rfc3339(self._around.clock.now())
        return codec.encode(DashboardPong(server_time=now, epoch=at.epoch, offset=at.offset))
