"""Publishers and subscribers of one 190-byte message, and the loop that keeps a server busy.

A closed loop with a window: never more than `window` messages are under way, so that what is
measured is what the server sustains and nothing is shed; and never fewer than half of it, so that
the server does not wait for the generator.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from tests.bench.wire import Counter

MARKER: Final = b"0104600Q"
"""In every message once, whatever a server wraps round it."""
_STAMPED: Final = MARKER + b"1"
_STAMP: Final = re.compile(_STAMPED + rb"(\d{17})")
STALLED_SECONDS: Final = 15.0


def payload(stamp: int | None = None) -> bytes:
    """190 bytes of JSON, a device's `scan`; `stamp` (17 digits) travels in its code."""
    code = b"0104600Q%018d" % (0 if stamp is None else 10**17 + stamp)
    return (
        b'{"type":"scan","code":"%b","valid":true,"ts":"2026-01-01T12:00:00.123Z","data":'
        b'{"line":"filler-7","shift":2,"camera":"c-3","confidence":0.9971,"batch":"B-2026-0001"}}'
        % code
    )


def _microseconds() -> int:
    return time.perf_counter_ns() // 1000


class Publisher:
    """`frame` wraps a payload as the server wants it."""

    def __init__(self, write: Callable[[bytes], None], frame: Callable[[bytes], bytes]) -> None:
        self._write = write
        self._frame = frame
        self._plain = frame(payload())

    def burst(self, count: int) -> None:
        """In one write."""
        self._write(self._plain * count)

    def stamped(self, count: int) -> None:
        """The first with the time, which probes read."""
        self._write(self._frame(payload(_microseconds())) + self._plain * (count - 1))


class Lost(Exception):
    """The server did not deliver everything."""


class Goal:
    """Reached when every sink has counted so far."""

    def __init__(self) -> None:
        self.wanted = 0
        self._missing = 0
        self._reached = asyncio.Event()

    def set(self, wanted: int, counts: Sequence[int]) -> None:
        self.wanted = wanted
        self._missing = sum(count < wanted for count in counts)
        if self._missing:
            self._reached.clear()
        else:
            self._reached.set()

    def passed(self) -> None:
        """One sink more has come as far."""
        self._missing -= 1
        if not self._missing:
            self._reached.set()

    async def wait(self) -> None:
        """Raises `Lost` when nothing more seems to come."""
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._reached.wait()
        except TimeoutError:
            said = f"{self._missing} subscribers lack messages after {STALLED_SECONDS:.0f} s"
            raise Lost(said) from None


class Sink:
    """A subscriber: counts messages. Several share a goal."""

    def __init__(self, goal: Goal, *, probe: bool = False) -> None:
        self._goal = goal
        self._counter = Counter(MARKER)
        self._probe = probe
        self.delays: list[float] = []
        """Milliseconds from the generator's write to its read, of stamped messages."""
        self.gaps = 0

    @property
    def count(self) -> int:
        return self._counter.count

    def reset(self) -> None:
        self._counter.count = 0
        self.delays.clear()

    def receive(self, chunk: bytes) -> None:
        before = self._counter.count
        after = before + self._counter.feed(chunk)
        if before < self._goal.wanted <= after:
            self._goal.passed()
        if self._probe and _STAMPED in chunk:
            now = _microseconds()
            self.delays += [(now - int(stamp)) / 1000 for stamp in _STAMP.findall(chunk)]
        if b'{"type":"gap"' in chunk:
            self.gaps += 1


async def pump(
    publishers: Sequence[Publisher],
    sinks: Sequence[Sink],
    goal: Goal,
    *,
    seconds: float,
    window: int,
    burst: int,
) -> int:
    """Publish in turn for so long, then wait until every sink has everything; how many messages.

    Raises `Lost`.
    """
    for sink in sinks:
        sink.reset()
    sent = reached = turn = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        while sent + burst <= reached + window:
            publishers[turn % len(publishers)].stamped(burst)
            turn += 1
            sent += burst
        reached = sent - window // 2
        goal.set(reached, [sink.count for sink in sinks])
        await goal.wait()
    goal.set(sent, [sink.count for sink in sinks])
    await goal.wait()
    return sent
