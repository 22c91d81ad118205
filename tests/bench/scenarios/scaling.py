"""Whether one event costs the same in a large fleet and with many dashboards (T8)."""

from typing import Final

from tests.bench.devices import Device, connect_devices
from tests.bench.hub import Hub
from tests.bench.scenarios import fanout, ingest
from tests.bench.subject import Pace, Rows

SENDERS: Final = 100
SIZES: Final = (100, 1_000, 10_000)
DASHBOARDS: Final = (1, 20, 200)


async def devices(hub: Hub, pace: Pace) -> Rows:
    """100 of a fleet send, all others idle: CPU for an event as the fleet grows."""
    fleet: list[Device] = []
    found: Rows = {}
    for size in SIZES:
        wanted = min(size, pace.largest)
        fleet += await connect_devices(hub.port, await hub.tokens(wanted - len(fleet)))
        measured = await ingest.measure(hub, fleet[-SENDERS:], ingest.stream, pace.seconds)
        found[f"devices-{wanted}"] = measured
    for device in fleet:
        device.tap.close()
    return found


async def dashboards(hub: Hub, pace: Pace) -> Rows:
    """50 devices send: CPU for a delivery as dashboards are added (first it is mostly ingest)."""
    return {
        f"dashboards-{count}": await fanout.measure(
            hub, devices=50, dashboards=count, seconds=pace.seconds
        )
        for count in DASHBOARDS
    }
