"""A fleet connects, and then sits there: token verified, line registered durably, welcome sent."""

import asyncio
from typing import Final

from tests.bench.devices import connect_devices
from tests.bench.hub import Hub
from tests.bench.subject import Pace, Rows, Span

WARM: Final = 200
AT_ONCE: Final = 100


async def storm(hub: Hub, pace: Pace) -> Rows:
    """A fleet connects, 100 at a time, with tokens never seen; then what an idle one holds and
    costs, pings included."""
    warm = await connect_devices(hub.port, await hub.tokens(WARM))
    tokens = await hub.tokens(pace.fleet)
    before = hub.resident_kib()
    span = Span(hub)
    devices = await connect_devices(hub.port, tokens, at_once=AT_ONCE)
    connected = span.measured(pace.fleet)
    await asyncio.sleep(1)
    each = (hub.resident_kib() - before) / pace.fleet
    span = Span(hub)
    await asyncio.sleep(pace.idle)
    idle = span.measured(pace.fleet, kib=each, note=f"{pace.idle:.0f} s with nothing to say")
    lost = sum(device.tap.closed for device in devices)
    if lost:
        raise RuntimeError(f"{lost} idle devices were hung up on")
    for device in (*warm, *devices):
        device.tap.close()
    return {"connect-storm": connected, "idle": idle}


async def storm_by_certificate(hub: Hub, pace: Pace) -> Rows:
    """A fleet connects to the device listener, 100 at a time, by mutual TLS 1.3 with certificates
    never seen; then half of it once more, with certificates that are remembered."""
    warm = await connect_devices(hub.device_port, await hub.certificates(WARM))
    certificates = await hub.certificates(pace.fleet)
    span = Span(hub)
    devices = await connect_devices(hub.device_port, certificates, at_once=AT_ONCE)
    rows = {"connect-storm-tls": span.measured(pace.fleet)}
    half = dict(list(certificates.items())[: pace.fleet // 2])
    span = Span(hub)
    again = await connect_devices(hub.device_port, half, at_once=AT_ONCE)
    rows["connect-again-tls"] = span.measured(len(half))
    for device in (*warm, *devices, *again):
        device.tap.close()
    return rows
