"""One replica against two on the same stores (T9).

Two replicas, the generator and the stores do not fit on two cores, so capacity is told by CPU time:
what both replicas together spend on an operation, against what one spends.
"""

from tests.bench.devices import connect_devices
from tests.bench.figures import Measured
from tests.bench.hub import Hub, running_replicas
from tests.bench.scenarios import commands, fanout, ingest
from tests.bench.subject import Pace, Rows, Subject


async def replicas(_: Subject, pace: Pace) -> Rows:
    """The same load on one replica and on two: half of the devices and dashboards on each; commands
    are called on one for devices of the other."""
    found: Rows = {}
    for count in (1, 2):
        async with running_replicas(count) as hub:
            found[f"replicas-{count}-ingest"] = await _ingest(hub, pace.seconds)
            found[f"replicas-{count}-fan-out"] = await fanout.measure(
                hub, devices=50, dashboards=20, seconds=pace.seconds
            )
            found[f"replicas-{count}-command"] = await commands.measure(
                hub, in_flight=100, seconds=pace.seconds
            )
    return found


async def _ingest(hub: Hub, seconds: float) -> Measured:
    devices = [
        device
        for port in hub.ports
        for device in await connect_devices(port, await hub.tokens(50 // len(hub.ports)))
    ]
    measured = await ingest.measure(hub, devices, ingest.stream, seconds)
    for device in devices:
        device.tap.close()
    return measured
