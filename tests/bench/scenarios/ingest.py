"""Telemetry without a dashboard: decoded, stored by COPY, and in the recoverable stream."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tests.bench.devices import Device, connect_devices
from tests.bench.figures import Measured
from tests.bench.hub import Hub
from tests.bench.subject import Pace, Rows, Span
from tests.tasks import in_background

STREAMING_DEVICES: Final = 50
OVERLOAD_DEVICES: Final = 100
BURST: Final = 40
SPARSE_DEVICES: Final = 1_000
COHORTS: Final = 4
"""Of the sparse fleet: while one is read the next sends."""
WAITING: Final = {"events": 40_000, "stream": 20_000}
"""What may wait in the hub's queues, as seen now and then: above 100,000 and 50,000 it sheds."""
CHECK_SECONDS: Final = 0.2
STORED: Final = "longline_events_stored_total"
SHED: Final = "longline_events_shed_total"
STORED_SECONDS: Final = 120.0

Load = Callable[[Sequence[Device], "Backlog", float], Awaitable[None]]


class Backlog:
    """What the hub has taken and not passed on. Devices wait while it is too much."""

    def __init__(self, hub: Hub, stored: int, shed: Counter[str]) -> None:
        """`stored` and `shed` before this one."""
        self._hub = hub
        self._stored = stored
        self._shed = shed
        self._room = asyncio.Event()
        self._room.set()
        self.sent = 0

    @classmethod
    async def of(cls, hub: Hub) -> "Backlog":
        return cls(hub, (await hub.counter(STORED)).total(), await hub.counter(SHED))

    async def room(self) -> None:
        await self._room.wait()

    async def waiting(self) -> int:
        return self.sent - ((await self._hub.counter(STORED)).total() - self._stored)

    async def watch(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            queues = await self._hub.counter("longline_queue_items")
            if any(queues[f'{{queue="{name}"}}'] > most for name, most in WAITING.items()):
                self._room.clear()
            else:
                self._room.set()

    async def stored(self) -> str:
        """Wait until all is; says what was lost."""
        async with asyncio.timeout(STORED_SECONDS):
            while await self.waiting() > 0:
                shed = await self._hub.counter(SHED) - self._shed
                if shed:
                    return f"shed {dict(shed)}"
                await asyncio.sleep(0.05)
        return "no loss"


async def measure(hub: Hub, devices: Sequence[Device], load: Load, seconds: float) -> Measured:
    """Until everything that was sent is stored."""
    backlog = await Backlog.of(hub)
    span = Span(hub)
    async with in_background(backlog.watch()):
        await load(devices, backlog, seconds)
    note = await backlog.stored()
    return span.measured(backlog.sent, note=note)


async def stream(devices: Sequence[Device], backlog: Backlog, seconds: float) -> None:
    """Each device sends bursts, the next as soon as the last was read."""
    until = time.perf_counter() + seconds

    async def one(device: Device) -> None:
        while time.perf_counter() < until:
            await backlog.room()
            device.publisher.burst(BURST)
            backlog.sent += BURST
            await device.settle()

    await asyncio.gather(*map(one, devices))


async def pour(devices: Sequence[Device], backlog: Backlog, seconds: float) -> None:
    """Each device sends as fast as TCP takes it, whatever the hub says."""
    until = time.perf_counter() + seconds

    async def one(device: Device) -> None:
        while time.perf_counter() < until and not device.tap.closed:
            device.publisher.burst(BURST)
            backlog.sent += BURST
            await device.tap.room()
            await asyncio.sleep(0)

    await asyncio.gather(*map(one, devices))


async def trickle(devices: Sequence[Device], backlog: Backlog, seconds: float) -> None:
    """Each device sends one frame at a time; a few of each cohort tell when it was read."""
    until = time.perf_counter() + seconds

    async def cohort(members: Sequence[Device]) -> None:
        while time.perf_counter() < until:
            await backlog.room()
            for device in members:
                device.publisher.burst(1)
            backlog.sent += len(members)
            await asyncio.gather(members[-1].settle(), members[len(members) // 2].settle())

    await asyncio.gather(*(cohort(devices[start::COHORTS]) for start in range(COHORTS)))


async def _run(hub: Hub, count: int, load: Load, seconds: float) -> Measured:
    devices = await connect_devices(hub.port, await hub.tokens(count))
    await measure(hub, devices, load, seconds / 4)  # warm
    measured = await measure(hub, devices, load, seconds)
    for device in devices:
        device.tap.close()
    return measured


async def streaming(hub: Hub, pace: Pace) -> Rows:
    """50 devices that send 40 frames at a time; until everything is stored."""
    return {"ingest-streaming": await _run(hub, STREAMING_DEVICES, stream, pace.seconds)}


async def sparse(hub: Hub, pace: Pace) -> Rows:
    """1,000 devices, one frame per read; until everything is stored."""
    return {"ingest-sparse": await _run(hub, SPARSE_DEVICES, trickle, pace.seconds)}


async def overload(hub: Hub, pace: Pace) -> Rows:
    """100 devices that send as fast as TCP takes it, an open loop; until everything is stored."""
    return {"ingest-overload": await _run(hub, OVERLOAD_DEVICES, pour, pace.seconds)}
