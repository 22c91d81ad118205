"""Takes records of production from devices and pushes them to the cloud."""

from typing import Final

from cloud.client import CloudClient
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.edge.pusher import LOOK_SECONDS, CloudPusher
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
) -> tuple[EdgeService, Capability]:
    store = EdgeStore(base.database)
    pusher = CloudPusher(store, cloud, telemetry, wake_jobs=base.wake_jobs)
    bounds = Bounds(most_pending=base.settings.cloud_queue_max, is_pushed=cloud is not None)
    service = EdgeService(store, audit, bounds, on_new=pusher.wake)
    return service, Capability(
        endpoints=(EdgeEndpoints(service),),
        prepare=(service.look,),
        loops=(pusher.run,),
        timers=(
            Timer(WAITING_SECONDS, service.look),
            Timer(LOOK_SECONDS, pusher.tell_left_out),
        ),
        jobs=pusher.kinds,
        clean_up=service.clean_up,
    )
