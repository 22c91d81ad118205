"""Somebody who watches an organisation's stream: what dashboards' sockets and event streams have in
common.

The registry knows them all by this. The connection calls `drained` and `closed`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import structlog
from msgspec import structs

from dashboard_ws.core.filters import Sight
from dashboard_ws.core.wire import Wire
from dashboard_ws.outlet import Outlet
from dashboard_ws.ports import Authorised, Channel
from dashboard_ws.reader import StreamReader
from dashboard_ws.surroundings import Surroundings
from protocol.closing import CloseCode

Work = Callable[[], Coroutine[Any, Any, None]]
"""Not yet a coroutine: who is cancelled before the start would leave it behind unawaited."""

_log: Final = structlog.get_logger(__name__)


class Watcher(ABC):
    """It is among `watchers` from its opening to its end. `authorised` is None until it is known
    who it is."""

    def __init__(
        self,
        surroundings: Surroundings,
        authorised: Authorised | None,
        watchers: "set[Watcher]",
    ) -> None:
        self._around = surroundings
        self._watchers = watchers
        self.authorised = authorised
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def drained(self) -> None:
        self._outlet.pump()

    def closed(self, code: int) -> None:
        _log.debug("watcher_closed", code=code)
        self._end()

    # Called by the registry.

    def look(self, now: float) -> None:
        """Time has passed."""
        self._outlet.pump()
        if not self._closed and self._outlet.is_stalled(now):
            self._end()
            self._channel.abort(CloseCode.NO_PROGRESS)

    def see(self, sight: Sight) -> None:
        """What its reader may see is this now."""
        if self.authorised is not None and not self._closed:
            self.authorised = structs.replace(self.authorised, sight=sight)
            self._reader.set_sight(sight)

    def withdraw(self) -> None:
        """Devices have left groups: what waits of them may not be its reader's any more."""
        if self.authorised is not None and not self._closed:
            self._reader.withdraw()

    @abstractmethod
    async def sight(self, authorised: Authorised) -> Sight | None:
        """What it may see now; None for who may not watch any more. Raises when that cannot be
        found out."""

    @abstractmethod
    def close(self, code: CloseCode) -> None: ...

    # For what it is.

    def _begin(self, channel: Channel, wire: Wire) -> None:
        now = self._around.clock.monotonic()
        self._channel = channel
        self._outlet = Outlet(channel, wire, lambda: self.close(CloseCode.NO_PROGRESS), now)
        self._reader = StreamReader(self._around, self._outlet)
        self._watchers.add(self)

    def _authorise(self, authorised: Authorised) -> float:
        """Remember who it is; when that ends, in monotonic seconds."""
        self.authorised = authorised
        self._reader.enter(authorised.org)
        self._reader.set_sight(authorised.sight)
        if authorised.expires_at is None:
            return float("inf")
        clock = self._around.clock
        return clock.monotonic() + (authorised.expires_at - clock.now()).total_seconds()

    def _start(self, work: Work) -> None:
        self._task = self._around.spawn(self._guarded(work))

    async def _guarded(self, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            # Postgres or the stream is not there, or we are wrong: either way, come back later.
            _log.warning("watcher_failed", exc_info=error)
            self.close(CloseCode.TRY_LATER)

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reader.end()
        if self._task is not None:
            self._task.cancel()
        self._watchers.discard(self)


def count_of(watchers: Iterable[Watcher], kind: type[Watcher], authorised: Authorised) -> int:
    """How many of these are of the same user, and of one kind."""
    user = (authorised.org, authorised.user_id)
    holders = (each.authorised for each in watchers if isinstance(each, kind))
    return sum((who.org, who.user_id) == user for who in holders if who is not None)
