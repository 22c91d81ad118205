"""Durable commands over REST: accepted, audited, sent, answered, committed, returned."""

import msgspec

from tests.bench.devices import Caller, connect_devices
from tests.bench.figures import Measured
from tests.bench.hub import Hub
from tests.bench.subject import Pace, Rows, Span, times


async def measure(hub: Hub, *, in_flight: int, seconds: float) -> Measured:
    """Each caller has a device of its own; of several replicas, callers use the last."""
    tokens = await hub.tokens(in_flight)
    devices = await connect_devices(hub.port, tokens)
    callers = [await Caller.open(hub.ports[-1], hub.token) for _ in tokens]
    pairs = list(zip(callers, tokens, strict=True))

    async def one() -> None:
        caller, device = pairs.pop()
        await caller.dispatch(device)
        pairs.append((caller, device))

    await times(in_flight, one, seconds / 2)  # warm: each connection to Postgres learns statements
    span = Span(hub)
    latencies = await times(in_flight, one, seconds)
    measured = span.measured(len(latencies), latencies=latencies)
    for caller in callers:
        caller.close()
    for device in devices:
        device.tap.close()
    return measured


async def command_1(hub: Hub, pace: Pace) -> Rows:
    """One at a time."""
    return {"command-1": await measure(hub, in_flight=1, seconds=pace.seconds)}


async def command_100(hub: Hub, pace: Pace) -> Rows:
    """100 in flight, to 100 devices."""
    return {"command-100": await measure(hub, in_flight=100, seconds=pace.seconds)}


async def bulk(hub: Hub, pace: Pace) -> Rows:
    """One request to a connected fleet, until every result is committed and returned."""
    tokens = await hub.tokens(pace.fleet)
    devices = await connect_devices(hub.port, tokens)
    caller = await Caller.open(hub.port, hub.token)
    body = msgspec.json.encode({"deviceIds": list(tokens), "command": {"type": "force_sync"}})
    span = Span(hub)
    status, answer = await caller.post("/api/v1/commands/bulk", body)
    measured = span.measured(pace.fleet)
    if status != 200:
        raise RuntimeError(f"{status} {answer[:200]!r}")
    results = msgspec.json.decode(answer)["data"].values()
    good = sum(result["status"] == "SUCCESS" for result in results)
    for device in devices:
        device.tap.close()
    caller.close()
    note = f"{good:,} of {pace.fleet:,} SUCCESS in {measured.seconds:.2f} s"
    return {"bulk": msgspec.structs.replace(measured, note=note)}
