from collections.abc import Awaitable, Callable
from typing import Final

from hub.accounts.service import AccountService
from hub.approvals.service import ApprovalService
from hub.audit.entries import Hide
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
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
    approvals: ApprovalService,
    *,
    hints: Hints,
    secrets: Callable[[OrgId], Awaitable[Hide]],
) -> tuple[CommandService, CommandEndpoints, Capability]:
    """`secrets`: what is hidden in the configurations of an organisation."""
    service = CommandService(
        CommandStore(base.database),
        CommandStore(base.reserved),
        audit,
        telemetry,
        base.replica_id,
        own,
        memory,
        values,
        approvals,
        hints=hints,
        require_current_view=accounts.require_current_view,
        database_clock=base.clock,
    )
    endpoints = CommandEndpoints(service, limits, approvals, secrets)
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
