"""What the clock ends, and the backstop of every hint.

A sweep runs every second and when a deadline is known to have passed: time-outs (by the database's
clock), what is pending or to be cancelled on lines of this replica, and callers whose command ended
elsewhere. Every replica sweeps; rows that another has locked are skipped. Expiries of commands that
wait in a queue are a job, which one replica does for all.
"""

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

import structlog

from hub.base import metrics
from hub.base.errors import Unavailable
from hub.commands.announce import Announcer
from hub.commands.ledger import Listeners
from hub.commands.records import CommandRow, error_of
from hub.commands.sending import Sender
from hub.commands.store import CommandStore
from hub.commands.waiting import Waiters
from protocol.errors import CommandErrorCode
from protocol.ids import ReplicaId

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 1.0
GRAIN: Final = 0.05
"""Deadlines this close together, in seconds, are one reason to look."""

_NOT_DELIVERED: Final = error_of(
    CommandErrorCode.NOT_DELIVERED, "the deadline passed before it was sent"
)
_TIMEOUT: Final = error_of(CommandErrorCode.TIMEOUT, "no result came before the deadline")
_EXPIRED: Final = error_of(
    CommandErrorCode.EXPIRED, "the device did not connect before the command expired"
)


class Deadlines:
    """When to look next. Pure; seconds are monotonic."""

    def __init__(self) -> None:
        self._ticks: list[int] = []
        self._known: set[int] = set()

    def note(self, moment: float) -> bool:
        """Whether this is now the first."""
        tick = int(moment / GRAIN) + 1  # not before the deadline
        if tick not in self._known:
            self._known.add(tick)
            heapq.heappush(self._ticks, tick)
        return self._ticks[0] == tick

    def next(self) -> float | None:
        return self._ticks[0] * GRAIN if self._ticks else None

    def pass_until(self, moment: float) -> None:
        """Forget what has been looked at."""
        while self._ticks and self._ticks[0] * GRAIN <= moment:
            self._known.discard(heapq.heappop(self._ticks))


class Sweep:
    """`clock` gives monotonic seconds."""

    def __init__(
        self,
        store: CommandStore,
        sender: Sender,
        announcer: Announcer,
        waiting: Waiters,
        listeners: Listeners,
        replica_id: ReplicaId,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._sender = sender
        self._announcer = announcer
        self._waiting = waiting
        self._listeners = listeners
        self._deadlines = Deadlines()
        self._replica_id = replica_id
        self._clock = clock
        self._wake = asyncio.Event()

    def note(self, seconds: float) -> None:
        """A deadline passes in so many seconds."""
        if self._deadlines.note(self._clock() + seconds):
            self._wake.set()

    async def run(self) -> None:
        """Sweep for ever."""
        next_sweep = self._clock()
        while True:
            whole = self._clock() >= next_sweep
            if whole:
                next_sweep = self._clock() + SWEEP_SECONDS
            try:
                await self._sweep(whole=whole)
            except Unavailable:
                log.warning("sweep_failed")
                await asyncio.sleep(GRAIN)
            except Exception:
                log.exception("sweep_failed")
                await asyncio.sleep(GRAIN)
            await self._sleep_until(min(self._deadlines.next() or next_sweep, next_sweep))

    async def _sleep_until(self, moment: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(moment - self._clock(), GRAIN)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _sweep(self, *, whole: bool) -> None:
        with metrics.sweep_seconds.time():
            self._deadlines.pass_until(self._clock())
            await self._time_out()
            if not whole:
                return
            for place in await self._store.unwritten_here(self._replica_id):
                self._sender.look(place)
            self._sender.remind_cancels(await self._store.cancels_here(self._replica_id))
            names = self._waiting.names()
            for command in await self._store.finished(names) if names else ():
                self._waiting.ended(command)

    async def _time_out(self) -> None:
        async with self._store.database.transaction() as connection:
            late = await self._store.time_out(
                connection, not_delivered=_NOT_DELIVERED, late=_TIMEOUT
            )
            await self._listeners.ended(connection, late)
        for command in late:
            self._ended(command)

    async def expire(self) -> None:
        """End queued commands whose device did not come in time: a job, of one replica."""
        async with self._store.database.transaction() as connection:
            late = await self._store.expire(connection, _EXPIRED)
            await self._listeners.ended(connection, late)
        for command in late:
            self._ended(command)

    def _ended(self, command: CommandRow) -> None:
        if command.sent_at is not None:
            self._sender.cancel(command)
        self._announcer.ended(command)
