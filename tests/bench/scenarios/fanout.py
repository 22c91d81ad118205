"""Events to dashboards: each its own frame with epoch and offset. Ingest and storing included."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tests.bench.devices import connect_dashboard, connect_devices, keep_alive
from tests.bench.figures import Measured
from tests.bench.hub import Hub
from tests.bench.load import Goal, Publisher, Sink, pump
from tests.bench.subject import Pace, Rows, Span
from tests.tasks import in_background

WINDOW: Final = 2_000
UNDER_WAY: Final = 40_000
"""Deliveries that may be under way: what a window is for many dashboards."""
BURST: Final = 20
PACED: Final = 10_000
"""Events a second of the scenario that measures delay: a fifth of what T2 asks for."""
TICK_SECONDS: Final = 0.01
FILTERED: Final = 100
"""Devices of the scenarios with filters."""


def window_for(subscribers: int, under_way: int = UNDER_WAY) -> int:
    """Messages under way."""
    return min(WINDOW, under_way // subscribers)


class Stage:
    """Devices that publish and dashboards that watch, the first as a probe."""

    def __init__(
        self, publishers: Sequence[Publisher], sinks: Sequence[Sink], goal: Goal, hub: Hub
    ) -> None:
        self._publishers = publishers
        self._sinks = sinks
        self._goal = goal
        self._hub = hub

    async def pump(self, seconds: float, *, copies: int = 1) -> Measured:
        """`copies`: dashboards that get each event; deliveries are counted. Warms up first."""
        await self._pump(seconds / 4)
        span = Span(self._hub)
        sent = await self._pump(seconds)
        return span.measured(sent * copies, latencies=self._sinks[0].delays, note=self._gaps())

    async def paced(self, seconds: float, *, copies: int) -> Measured:
        """At a fixed rate, in small bursts spread over devices."""
        for sink in self._sinks:
            sink.reset()
        span = Span(self._hub)
        began, sent = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - began) < seconds:
            for publisher in self._publishers:
                if sent < elapsed * PACED:
                    publisher.stamped(2)
                    sent += 2
            await asyncio.sleep(TICK_SECONDS)
        self._goal.set(sent, [sink.count for sink in self._sinks])
        await self._goal.wait()
        return span.measured(sent * copies, latencies=self._sinks[0].delays, note=self._gaps())

    async def _pump(self, seconds: float) -> int:
        return await pump(
            self._publishers,
            self._sinks,
            self._goal,
            seconds=seconds,
            window=window_for(len(self._sinks)),
            burst=BURST,
        )

    def _gaps(self) -> str:
        gaps = sum(sink.gaps for sink in self._sinks)
        return f"{gaps} gaps" if gaps else "no gap"


async def measure(
    hub: Hub,
    *,
    devices: int,
    dashboards: int,
    seconds: float,
    filtered: bool = False,
    paced: bool = False,
) -> Measured:
    """`filtered`: each dashboard names all devices."""
    tokens = await hub.tokens(devices)
    lines = await connect_devices(hub.port, tokens)
    goal = Goal()
    names = list(tokens) if filtered else []
    viewers = await hub.viewers(dashboards)
    screens = [
        await connect_dashboard(
            hub.ports[n % len(hub.ports)],
            viewers[n % len(viewers)],
            goal,
            probe=n == 0,
            device_ids=names,
        )
        for n in range(dashboards)
    ]
    stage = Stage([d.publisher for d in lines], [s.sink for s in screens], goal, hub)
    async with in_background(keep_alive([s.tap for s in screens])):
        run = stage.paced if paced else stage.pump
        measured = await run(seconds, copies=dashboards)
    for socket in (*lines, *screens):
        socket.tap.close()
    return measured


async def fan_out_50x20(hub: Hub, pace: Pace) -> Rows:
    """50 devices, 20 dashboards that see everything; a row for delay at a fifth of the load."""
    return {
        "fan-out-50x20": await measure(hub, devices=50, dashboards=20, seconds=pace.seconds),
        "fan-out-delay": await measure(
            hub, devices=50, dashboards=20, seconds=pace.seconds, paced=True
        ),
    }


async def fan_out_1x200(hub: Hub, pace: Pace) -> Rows:
    """One device, 200 dashboards that see everything."""
    return {"fan-out-1x200": await measure(hub, devices=1, dashboards=200, seconds=pace.seconds)}


async def filters(hub: Hub, pace: Pace) -> Rows:
    """100 devices, 20 dashboards: each names all of them, or one of them (1 % of the events)."""
    return {
        "filter-100%": await measure(
            hub, devices=FILTERED, dashboards=20, seconds=pace.seconds, filtered=True
        ),
        "filter-1%": await _one_percent(hub, pace.seconds),
    }


async def _one_percent(hub: Hub, seconds: float) -> Measured:
    """Events are counted, not deliveries. One dashboard that sees everything paces the load."""
    tokens = await hub.tokens(FILTERED)
    lines = await connect_devices(hub.port, tokens)
    goal, own = Goal(), Goal()
    names = list(tokens)
    screens = [
        await connect_dashboard(hub.port, hub.token, own, device_ids=[names[n]]) for n in range(20)
    ]
    pacer = await connect_dashboard(hub.port, hub.token, goal, probe=True)
    stage = Stage([d.publisher for d in lines], [pacer.sink], goal, hub)
    async with in_background(keep_alive([s.tap for s in (*screens, pacer)])):
        measured = await stage.pump(seconds)
    for socket in (*lines, *screens, pacer):
        socket.tap.close()
    return measured
