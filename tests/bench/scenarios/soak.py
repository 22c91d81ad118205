"""Everything at once for a while: does memory grow, do descriptors leak, does the loop lag?"""

import asyncio
import time
from typing import Final

import httpx

from tests.bench import machine
from tests.bench.devices import Caller, Device, connect_dashboard, connect_devices, keep_alive
from tests.bench.figures import percentile, slope
from tests.bench.hub import Hub
from tests.bench.load import Goal
from tests.bench.subject import Pace, Rows, Span
from tests.tasks import in_background

DEVICES: Final = 500
DASHBOARDS: Final = 5
SAMPLE_SECONDS: Final = 1.0
CHURN: Final = 5
"""Devices that leave and come back each second."""
WARM_SHARE: Final = 0.25
"""Of the soak: what comes before does not count for the slope of memory."""


class Samples:
    def __init__(self) -> None:
        self.memory: list[tuple[float, float]] = []
        self.descriptors: list[int] = []
        self.lag: list[float] = []
        """Milliseconds that /healthz took, which waits for the loop and for nothing else."""

    async def run(self, hub: Hub) -> None:
        """For ever."""
        base = f"http://127.0.0.1:{hub.port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
            while True:
                began = time.perf_counter()
                await client.get("/healthz")
                self.lag.append((time.perf_counter() - began) * 1000)
                self.memory.append((began, float(hub.resident_kib())))
                self.descriptors.append(machine.descriptors(hub.servers[0]))
                await asyncio.sleep(SAMPLE_SECONDS)

    def grows(self) -> float:
        """KiB a minute, once warm."""
        return slope(self.memory[int(len(self.memory) * WARM_SHARE) :]) * 60


async def soak(hub: Hub, pace: Pace) -> Rows:
    """500 devices send 5,000 events a second, 10 callers dispatch, 5 dashboards watch, devices come
    and go. p50 and p99 are how long /healthz takes."""
    tokens = await hub.tokens(DEVICES)
    devices = await connect_devices(hub.port, tokens)
    goal = Goal()
    screens = [await connect_dashboard(hub.port, hub.token, goal) for _ in range(DASHBOARDS)]
    samples = Samples()
    span = Span(hub)
    counts = [0, 0]
    work = [
        samples.run(hub),
        keep_alive([screen.tap for screen in screens]),
        _send(devices, counts),
        _churn(hub, devices, tokens),
        *(_dispatch(hub, name, counts) for name in list(tokens)[:10]),
    ]
    async with in_background(*work):
        await asyncio.sleep(pace.soak_minutes * 60)
    gaps = sum(screen.sink.gaps for screen in screens)
    first, last = samples.descriptors[0], samples.descriptors[-1]
    note = (
        f"memory {samples.grows():+,.0f} KiB/min, descriptors {first} to {last}, "
        f"{counts[1]:,} commands, {gaps} gaps, lag at most {max(samples.lag):.0f} ms, "
        f"p99.9 {percentile(samples.lag, 0.999):.0f} ms"
    )
    measured = span.measured(counts[0], latencies=samples.lag, note=note)
    for socket in (*devices, *screens):
        socket.tap.close()
    return {"soak": measured}


async def _send(devices: list[Device], counts: list[int]) -> None:
    while True:
        await asyncio.sleep(0.1)
        for device in devices:
            if not device.tap.closed:
                device.publisher.burst(1)
                counts[0] += 1


async def _dispatch(hub: Hub, device_id: str, counts: list[int]) -> None:
    caller = await Caller.open(hub.port, hub.token)
    while True:
        await caller.dispatch(device_id)
        counts[1] += 1
        await asyncio.sleep(0.1)


async def _churn(hub: Hub, devices: list[Device], tokens: dict[str, str]) -> None:
    """The first devices stay: commands go to them."""
    names = list(tokens)
    at = 10
    while True:
        await asyncio.sleep(1)
        for _ in range(CHURN):
            at = at + 1 if at + 1 < len(names) else 10
            devices[at].tap.close()
            devices[at] = (await connect_devices(hub.port, {names[at]: tokens[names[at]]}))[0]
