"""Keeps named sets of devices: targets of commands, filters of dashboards."""

from collections.abc import Callable

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.commands.rest import CommandEndpoints
from hub.devices.service import DeviceService
from hub.groups.rest import GroupEndpoints
from hub.groups.service import GroupService, MembershipListener
from hub.groups.store import GroupStore
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId


def build(
    base: Foundation,
    audit: AuditService,
    devices: DeviceService,
    commands: CommandEndpoints,
    rights: RightsMemory,
    *,
    on_change: Callable[[OrgId, str], None],
    membership: MembershipListener,
) -> tuple[GroupService, Capability]:
    service = GroupService(
        GroupStore(base.database),
        devices,
        audit,
        on_change=on_change,
        membership=membership,
        rights=rights,
    )
    return service, Capability(endpoints=(GroupEndpoints(service, devices, commands),))
