"""Keeps who did what to whom, in the transaction of its effect."""

from hub.audit.rest import AuditEndpoints
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.foundation import Capability, Foundation


def build(base: Foundation) -> tuple[AuditService, Capability]:
    service = AuditService(AuditStore(base.database))
    return service, Capability(
        endpoints=(AuditEndpoints(service),),
        loops=(service.run,),
        partitions=lambda keep: service.partitioned(days=keep.audit_days),
    )
