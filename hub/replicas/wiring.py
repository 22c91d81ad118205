"""Finds dead replicas, reports on this one, and hints to the others."""

from collections.abc import Awaitable, Callable
from functools import partial

from dashboard_ws.dashboards import Dashboards
from hub.audit.chain_store import ChainHealth
from hub.base.foundation import Capability, Foundation
from hub.commands.service import CommandService
from hub.desired.service import DesiredService
from hub.edge.service import EdgeService
from hub.lines.service import LineService
from hub.replicas.hints import HintReceiver, channels_for
from hub.replicas.membership import Membership, StreamGaps
from hub.replicas.meter import Meter
from hub.replicas.rest import HealthEndpoints
from hub.replicas.store import HealthStore, ReplicaStore
from hub.sessions.asking import SessionAsking
from hub.telemetry.stream import StreamWriter
from hub.telemetry.writer import TelemetryWriter


def build(
    base: Foundation,
    telemetry: TelemetryWriter,
    stream: StreamWriter,
    lines: LineService,
    commands: CommandService,
    desired: DesiredService,
    edge: EdgeService,
    dashboards: Dashboards,
    sessions: SessionAsking,
    *,
    hear: Callable[[bytes], None],
    audit: Callable[[], Awaitable[ChainHealth]],
    alone: bool,
) -> tuple[Membership, Meter, Capability]:
    """`hear`: what other replicas tell of limits. `audit`: how its chain is.
    `alone`: nobody else can be alive."""
    meter = Meter(base, lines, commands, telemetry, stream, dashboards)
    store, gaps = ReplicaStore(base.reserved), StreamGaps(base.bus)
    membership = Membership(store, lines, gaps, tell=meter.tell)
    receiver = HintReceiver(
        lines, commands, desired, sessions, dashboards.groups_changed, hear, base.spawn
    )
    listen = partial(base.bus.subscribe, channels_for(base.replica_id), receiver)
    capability = Capability(
        endpoints=(HealthEndpoints(HealthStore(base.database), edge.pending, audit),),
        prepare=(partial(membership.start, alone=alone),),
        loops=(base.bus.run, listen, membership.run),
        clean_up=lambda _: membership.clean_up(),
    )
    return membership, meter, capability
