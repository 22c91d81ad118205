"""Liveness of all sockets of a replica, from one timer.

Each connection is looked at once in a period (10 s), and the looks are spread over the period, so
that ten thousand connections are never pinged in one burst. At each look a connection is judged:

- it has bytes that the kernel would not take: it is judged by progress, not by answers, because a
  ping would only queue behind them. No progress for 10 s, and it has stalled;
- it was pinged at the last look and not one byte has come since: it is dead;
- else it is pinged.

A *patient* connection's peer may read nothing for long (a person's pager, a program that takes no
input). While it has not read all that was sent, neither its progress nor its answers count, but
those of its kernel (`protocol.peer_kernel`).

A connection whose reading we paused ourselves cannot answer and is not dead for that. When this
process itself stood still (SIGSTOP, a long stall), answers may lie unread in the kernel, so for one
period afterwards nobody is dead.

`verdict`, `Wheel`, `Progress` and `Reading` decide; `PingWheel` keeps the timer.
"""

import asyncio
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

T = TypeVar("T")

PERIOD: Final = 10.0
STALL_SECONDS: Final = 10.0
SLOTS: Final = 50
LATE_SECONDS: Final = 1.0
"""A turn this much too late means that the process stood still."""


class PingVerdict(Enum):
    PING = "ping"
    WATCH = "watch its progress"
    DEAD = "dead"


def verdict(*, silent: bool, paused: bool, unsent: bool, forgiving: bool) -> PingVerdict:
    """`silent`: no byte came since the last ping; `paused`: we do not read; `unsent`: bytes wait to
    be written; `forgiving`: see `Wheel`."""
    if unsent:
        return PingVerdict.WATCH
    if silent and not paused and not forgiving:
        return PingVerdict.DEAD
    return PingVerdict.PING


class Wheel(Generic[T]):
    """Items spread evenly over `slots`, each due once in `period` seconds."""

    def __init__(self, *, period: float, slots: int, now: float) -> None:
        self.tick: Final = period / slots
        self._period = period
        self._slots: list[set[T]] = [set() for _ in range(slots)]
        self._filling = 0
        self._turned = 0
        self._turned_at = now
        self._forgiving_until = now

    def __bool__(self) -> bool:
        return any(self._slots)

    def add(self, item: T) -> int:
        """The slot that `item` got, which `discard` wants back."""
        self._filling = (self._filling + 1) % len(self._slots)
        self._slots[self._filling].add(item)
        return self._filling

    def discard(self, item: T, slot: int) -> None:
        self._slots[slot].discard(item)

    def rest(self, now: float) -> None:
        """The wheel stood still on purpose until `now`."""
        self._turned_at = now

    def turn(self, now: float) -> list[T]:
        """The items that are due since the last turn."""
        ticks = int((now - self._turned_at) / self.tick)
        if ticks * self.tick > self.tick + LATE_SECONDS:
            self._forgiving_until = now + self._period
        self._turned_at += ticks * self.tick
        due: list[T] = []
        for _ in range(min(ticks, len(self._slots))):
            self._turned = (self._turned + 1) % len(self._slots)
            due += self._slots[self._turned]
        return due

    def forgiving(self, now: float) -> bool:
        """Whether silence is no proof, because we stood still ourselves."""
        return now < self._forgiving_until


class Progress:
    """Of one connection with unsent bytes: how many went out, and since when no more did."""

    __slots__ = ("_sent", "_since")

    def __init__(self, sent: int, now: float) -> None:
        self._sent = sent
        self._since = now

    def stalled(self, sent: int, now: float, *, forgiving: bool, seconds: float) -> bool:
        """`sent`: all bytes ever handed to the kernel."""
        if forgiving or sent != self._sent:
            self._sent, self._since = sent, now
        return now - self._since >= seconds


class Reading:
    """How much of what was sent a patient connection's peer has read: a ping says how much went
    before it, and its pong says that back."""

    __slots__ = ("_read", "_sent")

    def __init__(self) -> None:
        self._sent = self._read = 0

    def sent(self, size: int) -> None:
        self._sent += size

    def ping(self) -> bytes:
        """The payload of a ping that is sent now."""
        return self._sent.to_bytes(8, "big")

    def pong(self, payload: bytes) -> None:
        said = int.from_bytes(payload, "big")
        if self._read < said <= self._sent:
            self._read = said

    @property
    def is_behind(self) -> bool:
        """A ping may wait behind what it has not read."""
        return self._read < self._sent


class Beating(Protocol):
    """What the wheel sees of a connection."""

    def beat(self, *, forgiving: bool) -> None:
        """Once in a period: carry out the `verdict`."""
        ...

    def buffered(self) -> int: ...
    def sent(self) -> int: ...
    def stalled(self) -> None: ...


class PingWheel:
    """One per replica. The timer runs while there are connections."""

    def __init__(
        self,
        *,
        period: float = PERIOD,
        stall_seconds: float = STALL_SECONDS,
        slots: int = SLOTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._stall_seconds = stall_seconds
        self._wheel: Wheel[Beating] = Wheel(period=period, slots=slots, now=clock())
        self._watched: dict[Beating, Progress] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Beating) -> int:
        """Begin to ping it. Returns what `discard` wants back."""
        if self._timer is None:
            self._wheel.rest(self._clock())
            self._arm()
        return self._wheel.add(connection)

    def discard(self, connection: Beating, slot: int) -> None:
        self._wheel.discard(connection, slot)
        self._watched.pop(connection, None)

    def watch(self, connection: Beating) -> None:
        """It has unsent bytes: from now on it must make progress."""
        if connection not in self._watched:
            self._watched[connection] = Progress(connection.sent(), self._clock())

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._wheel.tick, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        for connection in self._wheel.turn(now):
            connection.beat(forgiving=self._wheel.forgiving(now))
        for connection, progress in list(self._watched.items()):
            self._look(connection, progress, now)
        self._timer = None
        if self._wheel:
            self._arm()

    def _look(self, connection: Beating, progress: Progress, now: float) -> None:
        if not connection.buffered():
            del self._watched[connection]
        elif progress.stalled(
            connection.sent(),
            now,
            forgiving=self._wheel.forgiving(now),
            seconds=self._stall_seconds,
        ):
            connection.stalled()
