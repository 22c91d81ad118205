"""One dashboard's socket: carries out what its session decides.

The connection calls `opened`, `text`, `binary`, `drained` and `closed`, synchronously. What takes
time (a token, a group's members, a replay) runs as one task at a time; the session holds back the
frames that must wait for it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, assert_never

import structlog

from dashboard_ws.core.filters import Groups as GroupIds
from dashboard_ws.core.filters import Matcher, Selection
from dashboard_ws.core.session import Apply, Check, Close, Effect, Narrow, Pong, Send, Session
from dashboard_ws.fanout import FanOut
from dashboard_ws.outlet import Outlet
from dashboard_ws.ports import Authorised, Connection
from dashboard_ws.replay import NOWHERE, Replay, Wanted
from dashboard_ws.surroundings import Surroundings
from protocol import codec
from protocol.closing import CloseCode, closing
from protocol.dashboard import DashboardPong, Position, Subscribed
from protocol.frames import AuthOk

Work = Callable[[], Coroutine[Any, Any, None]]
"""Not yet a coroutine: who is cancelled before the start would leave it behind unawaited."""

MOST_SOCKETS: Final = 50
"""Of one user, at a replica."""
READY_SECONDS: Final = 2.0
"""How long a subscription waits for the first sight of the stream before it is answered without."""

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
        self._fanout: FanOut | None = None
        self._attached: Selection = frozenset()
        self._members: dict[GroupIds, frozenset[str]] = {}
        self._since: Position | None = None
        self._replay: Replay | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # Called by the connection.

    def opened(self, connection: Connection) -> None:
        now = self._around.clock.monotonic()
        expires = None if self.authorised is None else self._authorise(self.authorised)
        self._session = Session(now, expires=expires)
        self._connection = connection
        self._outlet = Outlet(
            connection, self._around.frame, lambda: self.close(CloseCode.NO_PROGRESS), now
        )
        self._outlet.cleared = self.authorised is not None and self.authorised.cleared
        connection.max_message = self._session.max_message
        self._open_sockets.add(self)

    def text(self, message: bytes) -> None:
        self._session.received = self._outlet.received
        self._perform(self._session.text(message, self._around.clock.monotonic()))

    def binary(self) -> None:
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
        self._detach()
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
                    self._settle()
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
        self._clear(found)
        self._connection.max_message = self._session.max_message
        self._perform(effects)

    def _clear(self, authorised: Authorised) -> None:
        """What the outlet may carry goes by the newest token."""
        if authorised.cleared is self._outlet.cleared:
            return
        attached = self._attached
        self._detach()
        self._outlet.cleared = authorised.cleared
        if attached:
            self._settle()

    def _authorise(self, authorised: Authorised) -> float:
        """Remember who it is; when that ends, in monotonic seconds."""
        self.authorised = authorised
        self._fanout = self._around.fanout_of(authorised.org)
        clock = self._around.clock
        return clock.monotonic() + (authorised.expires_at - clock.now()).total_seconds()

    def _apply(self, change: Apply) -> None:
        fanout = self._proven()
        if change.since is not None:
            base, old = fanout.position, self._attached
            self._detach()
            self._since = change.since
            self._start(partial(self._recover, change, change.since, base, old))
        elif fanout.position is None or self._unresolved():
            self._start(partial(self._widen, change))
        else:
            self._settle_and_answer(change)

    async def _widen(self, change: Apply) -> None:
        """Subscribe when something has to be found out first."""
        await self._resolve()
        await self._proven().stand(seconds=READY_SECONDS)
        self._settle_and_answer(change)

    def _settle_and_answer(self, change: Apply) -> None:
        self._settle()
        self._answer(change, self._proven().position or NOWHERE, recovered=False)
        self._perform(self._session.done())

    async def _recover(
        self, change: Apply, since: Position, base: Position | None, old: Selection
    ) -> None:
        fanout = self._proven()
        await self._resolve()
        await fanout.stand(seconds=READY_SECONDS)
        self._replay = Replay(
            Wanted(
                fresh=Matcher(change.fresh, self._members),
                since=since,
                old=Matcher(old, self._members) if old else None,
                base=base,
            ),
            fanout,
            self._outlet,
            source=self._around.source,
            reading=self._around.reading,
            frame=self._around.frame,
        )
        await self._replay.run(partial(self._answer, change))
        self._replay = self._since = None
        self._settle()
        self._perform(self._session.done())

    def _answer(self, change: Apply, live: Position, *, recovered: bool) -> None:
        for id_ in change.ids:
            answer = Subscribed(id=id_, epoch=live.epoch, offset=live.offset, recovered=recovered)
            self._outlet.say(codec.encode(answer))

    def _unresolved(self) -> set[GroupIds]:
        known = self._proven().index.members_of
        named = {predicate.groups for predicate in self._session.selection}
        return {groups for groups in named if groups is not None and groups not in known}

    async def _resolve(self) -> None:
        """Find the devices of the groups that the selection names and nobody here uses yet."""
        fanout = self._proven()
        found = dict(fanout.index.members_of)
        for groups in self._unresolved():
            found[groups] = await self._around.groups.members(fanout.org, groups)
        self._members = found

    def _settle(self) -> None:
        """Get from the fan-out what the session selects now."""
        selection = self._session.selection
        if selection == self._attached or self._closed:
            return
        fanout = self._proven()
        members = self._members | fanout.index.members_of  # which forgets them when we detach
        self._detach()
        for groups in self._unresolved():
            fanout.index.resolve(groups, members.get(groups, frozenset()))
        fanout.attach(self._outlet, selection)
        self._attached = selection
        self._members = {}

    def _detach(self) -> None:
        if self._fanout is not None:
            self._fanout.detach(self._outlet, self._attached)
        self._attached = frozenset()

    def _proven(self) -> FanOut:
        if self._fanout is None:
            raise AssertionError("the session lets nobody get here without a token")
        return self._fanout

    def _pong(self) -> bytes:
        at = self._replay.position if self._replay is not None else self._since
        at = at or self._proven().position or NOWHERE
        now = codec.rfc3339(self._around.clock.now())
        return codec.encode(DashboardPong(server_time=now, epoch=at.epoch, offset=at.offset))
