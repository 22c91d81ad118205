"""Keeps who did what to whom, in the transaction of its effect."""

from hub.audit.anchor import anchor_of
from hub.audit.chain_store import SealStore
from hub.audit.rest import AuditEndpoints
from hub.audit.sealer import EVERY_SECONDS, Sealer
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.base.retention import ShownOf


def build(base: Foundation, *, shown_of: ShownOf) -> tuple[AuditService, Sealer, Capability]:
    """`shown_of`: for how long an organisation is shown what there is. Raises
    `ConfigurationError` for an anchor that cannot be one."""
    service = AuditService(AuditStore(base.database))
    sealer = Sealer(SealStore(base.database), anchor_of(base.settings.audit_anchor), base.clock)
    return (
        service,
        sealer,
        Capability(
            endpoints=(AuditEndpoints(service, base.clock, shown_of),),
            loops=(service.run,),
            jobs=(every(EVERY_SECONDS, "audit_seal", lambda _: sealer.run()),),
            partitions=lambda keep: service.partitioned(
                days=keep.audit_days, before_drop=sealer.before_drop
            ),
        ),
    )
