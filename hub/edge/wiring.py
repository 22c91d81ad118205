"""Takes records of production from devices and pushes them to the cloud."""

from typing import Final

from cloud.client import CloudClient
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.retention import ShownOf, shown_since
from hub.edge.pusher import LOOK_SECONDS, CloudPusher
from hub.edge.reading import EdgeReader
from hub.edge.record_rest import EdgeRecordEndpoints
from hub.edge.record_store import RecordStore
from hub.edge.rest import EdgeEndpoints
from hub.edge.service import Bounds, EdgeService
from hub.edge.store import EdgeStore
from hub.telemetry.writer import TelemetryWriter

WAITING_SECONDS: Final = 15.0


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    *,
    cloud: CloudClient | None,
    shown_of: ShownOf,
) -> tuple[EdgeService, Capability]:
    """`shown_of`: for how long an organisation is shown what there is."""
    store = EdgeStore(base.database)
    pusher = CloudPusher(store, cloud, telemetry, wake_jobs=base.wake_jobs)
    bounds = Bounds(most_pending=base.settings.cloud_queue_max, is_pushed=cloud is not None)
    since = shown_since(shown_of, base.clock, "edge_days")
    reader = EdgeReader(RecordStore(base.database), base.clock, since)
    service = EdgeService(store, audit, bounds, pusher.wake, since)
    return service, Capability(
        endpoints=(EdgeEndpoints(service), EdgeRecordEndpoints(reader)),
        prepare=(service.look,),
        loops=(pusher.run,),
        timers=(
            Timer(WAITING_SECONDS, service.look),
            Timer(LOOK_SECONDS, pusher.tell_left_out),
        ),
        jobs=pusher.kinds,
        clean_up=service.clean_up,
    )
