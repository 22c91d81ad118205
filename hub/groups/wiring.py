"""Keeps named sets of devices: targets of commands, filters of dashboards."""

from collections.abc import Callable

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.commands.rest import CommandEndpoints
from hub.devices.service import DeviceService
from hub.groups.dynamic_store import DynamicStore
from hub.groups.rest import GroupEndpoints
from hub.groups.service import GroupService
from hub.groups.settling import MembershipListener, Settling
from hub.groups.store import GroupStore
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId


def build(
    base: Foundation,
    audit: AuditService,
    devices: DeviceService,
    commands: CommandEndpoints,
    queries: QueryService,
    rights: RightsMemory,
    *,
    on_change: Callable[[OrgId, str], None],
    membership: MembershipListener,
) -> tuple[GroupService, Capability]:
    """`on_change` is told when a group has other members, `membership` while they change."""
    store = GroupStore(base.database)
    settling = Settling(DynamicStore(base.database), on_change, membership)
    service = GroupService(store, devices, audit, queries, settling, rights)
    return service, Capability(
        endpoints=(GroupEndpoints(service, devices, commands),), jobs=(settling.sweep,)
    )
