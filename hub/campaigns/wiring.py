"""Brings one command to many devices, in waves."""

from collections.abc import Awaitable, Callable

from hub.approvals.service import ApprovalService
from hub.audit.entries import Hide
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.retention import ShownOf, shown_since
from hub.campaigns.rest import CampaignEndpoints
from hub.campaigns.service import CampaignService
from hub.campaigns.store import CampaignStore
from hub.campaigns.targets import TargetFinder
from hub.commands.service import CommandService
from hub.devices.service import DeviceService
from hub.groups.service import GroupService
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import OrgId


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    commands: CommandService,
    approvals: ApprovalService,
    devices: DeviceService,
    groups: GroupService,
    queries: QueryService,
    members: RightsMemory,
    *,
    secrets: Callable[[OrgId], Awaitable[Hide]],
    shown_of: ShownOf,
) -> tuple[CampaignService, Capability]:
    """`secrets`: what is hidden in the configurations of an organisation; `shown_of`: for how long
    it is shown what there is."""
    store = CampaignStore(base.database)
    since = shown_since(shown_of, base.clock, "command_days")
    service = CampaignService(
        store,
        commands,
        audit,
        telemetry,
        approvals,
        TargetFinder(devices, groups, queries),
        base.clock,
        members,
        since,
    )
    return service, Capability(
        endpoints=(CampaignEndpoints(service, service.loads, secrets),),
        jobs=(service.driver.kind,),
        clean_up=lambda keep: service.clean_up(days=keep.command_days),
    )
