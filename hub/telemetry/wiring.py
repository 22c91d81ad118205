"""Stores and streams what devices send, and reads it back."""

from collections.abc import Callable
from typing import Final

from hub.base.bus import BusUnavailable
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.base.retention import ShownOf
from hub.telemetry.reader import TelemetryReader
from hub.telemetry.rest import TelemetryEndpoints
from hub.telemetry.store import TelemetryStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.upkeep import TelemetryUpkeep
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import OrgId
from protocol.stream import EventBatch

ROLL_UP_SECONDS: Final = 60.0


def build(
    base: Foundation, *, show: Callable[[OrgId, EventBatch], None], shown_of: ShownOf
) -> tuple[TelemetryWriter, StreamWriter, Capability]:
    """`show`: to the dashboards of this replica, what the stream does not take now;
    `shown_of`: for how long an organisation is shown what there is."""
    stream = StreamWriter(base.bus, base.replica_id, show=show, unavailable=BusUnavailable)
    store = TelemetryStore(base.database)
    upkeep = TelemetryUpkeep(store)
    writer = TelemetryWriter(store, upkeep, stream, day_bytes=base.settings.device_day_bytes)
    return (
        writer,
        stream,
        Capability(
            endpoints=(TelemetryEndpoints(TelemetryReader(store, upkeep, base.clock, shown_of)),),
            loops=(stream.run, writer.run),
            jobs=(every(ROLL_UP_SECONDS, "roll_up", upkeep.roll_up),),
            partitions=upkeep.partitioned,
            clean_up=upkeep.clean_up,
        ),
    )
