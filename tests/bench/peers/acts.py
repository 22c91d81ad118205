"""What is done to a peer: the hub's own scenarios, as far as a peer has them."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

from tests.bench.figures import Measured
from tests.bench.load import STALLED_SECONDS, Goal, Lost, Publisher, Sink, pump
from tests.bench.peers.dialects import DASHBOARDS, Dialect
from tests.bench.scenarios.connections import AT_ONCE, WARM
from tests.bench.scenarios.fanout import BURST, UNDER_WAY, window_for
from tests.bench.subject import Pace, Rows, Span, Subject, times
from tests.bench.wire import Tap

Act = Callable[[Subject, Pace], Awaitable[Rows]]
SLOW: Final = 8_000
"""Deliveries under way for Python frameworks: they make some thousand a second."""


class _Caller:
    """One call at a time."""

    def __init__(self, tap: Tap, dialect: Dialect, number: int) -> None:
        self._tap = tap
        self._dialect = dialect
        self._ids = itertools.count(number * 10**11)
        self._device = f"device{number}"
        self._waiting: asyncio.Future[None] | None = None
        tap.pour(self._receive)

    async def call(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        self._tap.write(self._dialect.command(self._device, b"%015d" % next(self._ids)))
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._waiting
        except TimeoutError:
            raise Lost(f"a command or its answer, after {STALLED_SECONDS:.0f} s") from None

    def _receive(self, chunk: bytes) -> None:
        if self._waiting is not None and self._dialect.answered.search(chunk):
            self._waiting.set_result(None)
            self._waiting = None


async def _device(port: int, dialect: Dialect, number: int) -> Tap:
    tap = await dialect.open(port)
    await dialect.join(tap, f"device{number}")

    def answer(chunk: bytes) -> None:
        for token in dialect.asked.findall(chunk):
            tap.write(dialect.result(token))

    tap.pour(answer)
    return tap


async def _caller(port: int, dialect: Dialect, number: int) -> tuple[Tap, _Caller]:
    tap = await dialect.open(port)
    if dialect.answered is dialect.asked:
        await dialect.join(tap, f"caller{number}")
    return tap, _Caller(tap, dialect, number)


def commands(dialect: Dialect, in_flight: int) -> Act:
    """From a caller through the peer to a device and back."""

    async def run(subject: Subject, pace: Pace) -> Rows:
        devices = [await _device(subject.port, dialect, n) for n in range(in_flight)]
        made = [await _caller(subject.port, dialect, n) for n in range(in_flight)]
        free = [caller for _, caller in made]

        async def one() -> None:
            caller = free.pop()
            await caller.call()
            free.append(caller)

        await times(in_flight, one, pace.seconds / 4)  # warm
        span = Span(subject)
        latencies = await times(in_flight, one, pace.seconds)
        measured = span.measured(len(latencies), latencies=latencies)
        for tap in (*devices, *(tap for tap, _ in made)):
            tap.close()
        return {f"command-{in_flight}": measured}

    return run


def fan_out(
    dialect: Dialect, publishers: int, subscribers: int, *, under_way: int = UNDER_WAY
) -> Act:
    window = window_for(subscribers, under_way)

    async def run(subject: Subject, pace: Pace) -> Rows:
        goal, sinks, taps = Goal(), list[Sink](), list[Tap]()
        for number in range(subscribers):
            tap = await dialect.open(subject.port)
            await dialect.join(tap, DASHBOARDS)
            sinks.append(Sink(goal, probe=number == 0))
            dialect.watch(tap, sinks[-1].receive)
            taps.append(tap)
        sources: list[Publisher] = []
        for _ in range(publishers):
            tap = await dialect.open(subject.port)
            tap.pour(_ignore)
            sources.append(Publisher(tap.write, dialect.publish))
            taps.append(tap)
        measured = await _pumped(subject, sources, sinks, goal, seconds=pace.seconds, window=window)
        for tap in taps:
            tap.close()
        return {f"fan-out-{publishers}x{subscribers}": measured}

    return run


async def _pumped(
    subject: Subject,
    sources: list[Publisher],
    sinks: list[Sink],
    goal: Goal,
    *,
    seconds: float,
    window: int,
) -> Measured:
    burst = min(BURST, window // 4)

    async def run(duration: float) -> int:
        return await pump(sources, sinks, goal, seconds=duration, window=window, burst=burst)

    await run(seconds / 4)  # warm
    span = Span(subject)
    sent = await run(seconds)
    return span.measured(sent * len(sinks), latencies=sinks[0].delays)


def connections(dialect: Dialect) -> Act:
    async def run(subject: Subject, pace: Pace) -> Rows:
        warm = await _open(subject.port, dialect, WARM)
        before = subject.resident_kib()
        span = Span(subject)
        taps = await _open(subject.port, dialect, pace.fleet)
        connected = span.measured(pace.fleet)
        await asyncio.sleep(1)
        each = (subject.resident_kib() - before) / pace.fleet
        span = Span(subject)
        await asyncio.sleep(pace.idle)
        idle = span.measured(pace.fleet, kib=each)
        for tap in (*warm, *taps):
            tap.close()
        return {"connect-storm": connected, "idle": idle}

    return run


async def _open(port: int, dialect: Dialect, count: int) -> list[Tap]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one() -> Tap:
        async with slots:
            tap = await dialect.open(port)
            tap.pour(_ignore)
            return tap

    return await asyncio.gather(*(one() for _ in range(count)))


def _ignore(_: bytes) -> None: ...
