"""One dashboard's socket: carries out what its session decides.

The connection calls `opened`, `text`, `binary`, `drained` and `closed`, synchronously. What takes
time (a token, a group's members, a replay) runs as one task at a time; the session holds back the
frames that must wait for it. What it gets of the stream is its reader's.
"""

from functools import partial
from typing import Final, assert_never

from dashboard_ws.core.filters import Sight
from dashboard_ws.core.session import Apply, Check, Close, Effect, Narrow, Pong, Send, Session
from dashboard_ws.ports import Authorised, Connection
from dashboard_ws.reader import Missed
from dashboard_ws.watcher import Watcher, count_of
from protocol import codec
from protocol.closing import CloseCode, closing
from protocol.dashboard import DashboardPong, Position, Subscribed
from protocol.frames import AuthOk

MOST_SOCKETS: Final = 50
"""Of one user, at a replica."""


class Dashboard(Watcher):
    """`authorised` is who the upgrade's header or ticket spoke for, None when it had neither."""

    # Called by the connection.

    def opened(self, connection: Connection) -> None:
        self._connection = connection
        self._begin(connection, self._around.wire)
        expires = None if self.authorised is None else self._authorise(self.authorised)
        self._session = Session(self._around.clock.monotonic(), expires=expires)
        connection.max_message = self._session.max_message

    def text(self, message: bytes) -> None:
        self._session.received = self._outlet.received
        self._perform(self._session.text(message, self._around.clock.monotonic()))

    def binary(self, _: bytes) -> None:
        now = self._around.clock.monotonic()
        self._perform(self._session.invalid("a binary frame", now))

    # Called by the registry.

    def look(self, now: float) -> None:
        self._perform(self._session.look(now))
        super().look(now)

    async def sight(self, authorised: Authorised) -> Sight | None:
        return await self._around.tokens.sight(authorised)

    def close(self, code: CloseCode) -> None:
        if self._closed:
            return
        self._end()
        self._connection.close(code, closing(code).reason)

    def _end(self) -> None:
        super()._end()
        self._session.closed()

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

    async def _check(self, token: str) -> None:
        found = await self._around.tokens.check(token)
        known = self.authorised
        if found is None or (known and (known.org, known.user_id) != (found.org, found.user_id)):
            self._perform(self._session.checked(None, b""))
            return
        if known is None and count_of(self._watchers, Dashboard, found) >= MOST_SOCKETS:
            self.close(CloseCode.TRY_LATER)
            return
        answer = codec.encode(AuthOk(expires_at=_moment(found)))
        effects = self._session.checked(self._authorise(found), answer)
        self._connection.max_message = self._session.max_message
        self._perform(effects)

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


def _moment(authorised: Authorised) -> str:
    if authorised.expires_at is None:
        raise AssertionError("a token runs out")
    return codec.rfc3339(authorised.expires_at)
