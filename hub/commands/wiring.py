from collections.abc import Awaitable, Callable
from typing import Final

from hub.accounts.service import AccountService
from hub.approvals.service import ApprovalService
from hub.audit.entries import Hide
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.base.principal import Principal
from hub.base.retention import ShownOf, shown_since
from hub.commands.rest import CommandEndpoints
from hub.commands.service import CommandService, Hints
from hub.commands.store import CommandStore
from hub.own.service import OwnService
from hub.rights.memory import RightsMemory
from hub.secrets.service import SecretService
from hub.telemetry.writer import TelemetryWriter
from hub.web.limits import RequestLimits
from protocol.ids import OrgId
from protocol.replies import Ack, Progress, Result
from protocol.trusted_keys import TrustedKeys

EXPIRY_SECONDS: Final = 1.0


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    limits: RequestLimits,
    own: OwnService,
    memory: RightsMemory,
    values: SecretService,
    trusted: Callable[[Principal], Awaitable[TrustedKeys]],
    approvals: ApprovalService,
    *,
    hints: Hints,
    secrets: Callable[[OrgId], Awaitable[Hide]],
    shown_of: ShownOf,
) -> tuple[CommandService, CommandEndpoints, Capability]:
    """`trusted`: whose signatures count in a call. `secrets`: what is hidden in the configurations
    of an organisation; `shown_of`: for how long it is shown what there is."""
    service = CommandService(
        CommandStore(base.database),
        CommandStore(base.reserved),
        audit,
        telemetry,
        base.replica_id,
        own,
        memory,
        values,
        trusted,
        approvals,
        hints=hints,
        require_current_view=accounts.require_current_view,
        database_clock=base.clock,
    )
    since = shown_since(shown_of, base.clock, "command_days")
    endpoints = CommandEndpoints(service, limits, approvals, secrets, since)
    return (
        service,
        endpoints,
        Capability(
            endpoints=(endpoints,),
            loops=(service.run,),
            frames=dict.fromkeys((Ack, Progress, Result), service.replied),
            jobs=(every(EXPIRY_SECONDS, "expiries", lambda _: service.expire()),),
            clean_up=lambda keep: service.forget(keep.command_days),
        ),
    )
