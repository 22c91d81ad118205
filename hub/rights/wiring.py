from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.rights.memory import RightsMemory
from hub.rights.rest import RightsEndpoints
from hub.rights.service import RightsGuards, RightsService
from hub.rights.store import RightsStore


def build(
    base: Foundation, audit: AuditService, memory: RightsMemory, guards: RightsGuards
) -> tuple[RightsService, Capability]:
    service = RightsService(RightsStore(base.database), memory, audit, guards)
    return service, Capability(endpoints=(RightsEndpoints(service),))
