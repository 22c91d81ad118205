"""Brings one command to many devices, in waves."""

from hub.approvals.service import ApprovalService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.retention import ShownOf, shown_since
from hub.campaigns.service import CampaignService
from hub.campaigns.store import CampaignStore
from hub.commands.service import CommandService
from hub.telemetry.writer import TelemetryWriter


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    commands: CommandService,
    approvals: ApprovalService,
    *,
    shown_of: ShownOf,
) -> tuple[CampaignService, Capability]:
    """`shown_of`: for how long an organisation is shown what there is."""
    store = CampaignStore(base.database)
    since = shown_since(shown_of, base.clock, "command_days")
    service = CampaignService(store, commands, audit, telemetry, approvals, since)
    return service, Capability(
        jobs=(service.driver.kind,), clean_up=lambda keep: service.clean_up(days=keep.command_days)
    )
