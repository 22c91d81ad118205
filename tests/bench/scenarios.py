"""What is measured. Each scenario is a function from a running hub to one `Measured`.

Loads are closed loops: the generator never has more under way than the hub has read, so that the
rate is what the hub sustains and nothing is shed.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from tests.bench.clients import (
    Caller,
    connect_dashboard,
    connect_devices,
    disconnect,
)
from tests.bench.hub import Hub, cpu_seconds

SECONDS: Final = 5.0


class Measured(Struct, frozen=True, kw_only=True):
    """One round. `cpu_us` is the hub's CPU time for one operation, in microseconds;
    `generator` the generator's share of its core."""

    operations: int
    rate: float
    cpu_us: float
    generator: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    note: str = ""


class _Span:
    """CPU and wall time between two moments, of the hub and of this process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._began = (time.perf_counter(), hub.cpu_seconds(), cpu_seconds(os.getpid()))

    def measured(
        self, operations: int, *, latencies: list[float] | None = None, note: str = ""
    ) -> Measured:
        wall = time.perf_counter() - self._began[0]
        cpu = self._hub.cpu_seconds() - self._began[1]
        own = cpu_seconds(os.getpid()) - self._began[2]
        cuts = statistics.quantiles(latencies, n=100) if latencies else None
        return Measured(
            operations=operations,
            rate=operations / wall,
            cpu_us=cpu / operations * 1e6,
            generator=own / wall,
            p50_ms=cuts[49] * 1000 if cuts else None,
            p99_ms=cuts[98] * 1000 if cuts else None,
            note=note,
        )


async def _stored(hub: Hub, wanted: float) -> str:
    """Wait until everything is committed; says if anything was shed."""
    async with asyncio.timeout(60):
        while await hub.counter("longline_events_stored_total") < wanted:
            shed = await hub.counter("longline_events_shed_total")
            if shed:
                return f"{shed:.0f} shed"
            await asyncio.sleep(0.1)
    return "no loss"


async def _ingest(hub: Hub, *, devices: int, burst: int) -> Measured:
    tokens = await hub.device_tokens(f"ingest{devices}-{time.time_ns()}", devices)
    lines = await connect_devices(hub.url, tokens, at_once=50)
    before = await hub.counter("longline_events_stored_total")
    span = _Span(hub)
    until = time.perf_counter() + SECONDS
    sent = 0
    while time.perf_counter() < until:
        for line in lines:
            line.scan(burst)
        sent += burst * len(lines)
        await asyncio.gather(*(line.settle() for line in lines[:: max(1, devices // 50)]))
    note = await _stored(hub, before + sent)
    measured = span.measured(sent, note=note)
    disconnect(lines)
    return measured


async def ingest_streaming(hub: Hub) -> Measured:
    """50 devices, bursts of 40 frames each; until everything is stored."""
    return await _ingest(hub, devices=50, burst=40)


async def ingest_sparse(hub: Hub) -> Measured:
    """1,000 devices, one frame per read; until everything is stored."""
    return await _ingest(hub, devices=1000, burst=1)


async def _fan_out(hub: Hub, *, devices: int, dashboards: int) -> Measured:
    tokens = await hub.device_tokens(f"fan{devices}-{time.time_ns()}", devices)
    lines = await connect_devices(hub.url, tokens, at_once=50)
    screens = [await connect_dashboard(hub.url, hub.token) for _ in range(dashboards)]
    lines[0].scan()
    await asyncio.gather(*(screen.reached(1) for screen in screens))
    burst = max(1, 1000 // devices)
    span = _Span(hub)
    until = time.perf_counter() + SECONDS
    sent = 1
    while time.perf_counter() < until:
        for line in lines:
            line.scan(burst)
        sent += burst * len(lines)
        await asyncio.gather(*(screen.reached(sent) for screen in screens))
    gaps = sum(screen.gaps for screen in screens)
    measured = span.measured((sent - 1) * dashboards, note=f"{gaps} gaps")
    disconnect(screens)
    disconnect(lines)
    return measured


async def fan_out_50x20(hub: Hub) -> Measured:
    """50 devices, 20 dashboards that see everything; deliveries, ingest and storing included."""
    return await _fan_out(hub, devices=50, dashboards=20)


async def fan_out_1x200(hub: Hub) -> Measured:
    """One device, 200 dashboards."""
    return await _fan_out(hub, devices=1, dashboards=200)


async def _commands(hub: Hub, *, in_flight: int, each: int) -> Measured:
    tokens = await hub.device_tokens(f"command{in_flight}-{time.time_ns()}", in_flight)
    lines = await connect_devices(hub.url, tokens, at_once=50)
    callers = [Caller(hub.port, hub.token) for _ in tokens]

    async def work(caller: Caller, device_id: str) -> list[float]:
        return [await caller.dispatch(device_id) for _ in range(each)]

    await asyncio.gather(*(c.dispatch(d) for c, d in zip(callers, tokens, strict=True)))
    span = _Span(hub)
    found = await asyncio.gather(*(work(c, d) for c, d in zip(callers, tokens, strict=True)))
    latencies = [latency for latencies in found for latency in latencies]
    measured = span.measured(len(latencies), latencies=latencies)
    for caller in callers:
        caller.close()
    disconnect(lines)
    return measured


async def command_1(hub: Hub) -> Measured:
    """Durable commands over REST, one in flight."""
    return await _commands(hub, in_flight=1, each=500)


async def command_100(hub: Hub) -> Measured:
    """Durable commands over REST, 100 in flight."""
    return await _commands(hub, in_flight=100, each=50)


async def bulk(hub: Hub) -> Measured:
    """One request, 5,000 connected devices: until every result is committed and returned.
    The note tells how fast the devices connected, and what an idle one holds in memory."""
    count = 5000
    tokens = await hub.device_tokens(f"bulk-{time.time_ns()}", count)
    await asyncio.sleep(1)
    before, began = hub.resident_kib(), time.perf_counter()
    lines = await connect_devices(hub.url, tokens, at_once=200)
    connected = time.perf_counter() - began
    each = (hub.resident_kib() - before) / count
    note = f"connects {count / connected:.0f}/s, {each:.1f} KiB each"
    span = _Span(hub)
    body = {"deviceIds": list(tokens), "command": {"type": "force_sync"}}
    answer = await hub.client.post("/api/v1/commands/bulk", json=body)
    results = answer.raise_for_status().json()["data"].values()
    good = sum(result["status"] == "SUCCESS" for result in results)
    measured = span.measured(count, note=f"{good} SUCCESS; {note}")
    disconnect(lines)
    return measured


Scenario = Callable[[Hub], Awaitable[Measured]]

SCENARIOS: Final[dict[str, Scenario]] = {
    "ingest-streaming": ingest_streaming,
    "ingest-sparse": ingest_sparse,
    "fan-out-50x20": fan_out_50x20,
    "fan-out-1x200": fan_out_1x200,
    "command-1": command_1,
    "command-100": command_100,
    "bulk-5000": bulk,
}
