"""Opens and closes the lines of this replica."""

from collections.abc import Callable

from hub.accounts.service import AccountService
from hub.base.foundation import Capability, Foundation, Timer
from hub.lines import quarantine
from hub.lines.service import LineService, ReplicaIdentity
from hub.lines.store import LineRef, LineStore
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import ReplicaId


def build(
    base: Foundation,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    *,
    hint_takeover: Callable[[ReplicaId, LineRef], None],
) -> tuple[LineService, Capability]:
    service = LineService(
        LineStore(base.database),
        ReplicaIdentity(base.replica_id, base.address, base.version),
        telemetry,
        hint_takeover=hint_takeover,
        wall_clock=base.clock,
    )
    accounts.on_change(service.credentials_changed)
    return service, Capability(
        loops=(service.run, service.watch, service.beat),
        timers=(Timer(quarantine.LOOK_SECONDS, service.quarantine.look),),
    )
