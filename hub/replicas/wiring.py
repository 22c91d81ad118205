import time
from collections.abc import Callable
from functools import partial

from dashboard_ws.dashboards import Dashboards
from hub.base.foundation import Capability, Foundation
from hub.base.roles import login_of
from hub.commands.service import CommandService
from hub.edge.service import EdgeService
from hub.lines.service import LineService, ReplicaIdentity
from hub.replicas.hints import COMMON, HintReceiver, channel_of
from hub.replicas.membership import Membership, StreamGaps
from hub.replicas.meter import Meter
from hub.replicas.rest import HealthEndpoints
from hub.replicas.store import HealthStore, ReplicaStore
from hub.telemetry.stream import StreamWriter
from hub.telemetry.writer import TelemetryWriter
from hub.web.limits import CHANNEL


def build(
    base: Foundation,
    telemetry: TelemetryWriter,
    stream: StreamWriter,
    lines: LineService,
    commands: CommandService,
    edge: EdgeService,
    dashboards: Dashboards,
    *,
    hear: Callable[[bytes], None],
    alone: bool,
) -> tuple[Membership, Meter, Capability]:
    """`hear`: what other replicas tell of limits. `alone`: nobody else can be alive."""
    meter = Meter(
        database=base.database,
        bus=base.bus,
        lines=lines,
        commands=commands,
        telemetry=telemetry,
        stream=stream,
        dashboards=dashboards,
        draining=base.is_draining,
    )
    membership = Membership(
        ReplicaStore(base.reserved),
        ReplicaIdentity(base.replica_id, base.address, base.version),
        lines,
        StreamGaps(base.bus),
        tell=meter.tell,
        clock=time.monotonic,
    )
    receiver = HintReceiver(lines, commands, dashboards.groups_changed, hear, base.spawn)
    channels = [COMMON, CHANNEL, channel_of(base.replica_id)]
    health = HealthEndpoints(
        HealthStore(base.database), edge.pending, partial(login_of, base.database)
    )
    return (
        membership,
        meter,
        Capability(
            endpoints=(health,),
            prepare=(partial(membership.start, alone=alone),),
            loops=(base.bus.run, partial(base.bus.subscribe, channels, receiver), membership.run),
            clean_up=lambda _: membership.clean_up(),
        ),
    )
