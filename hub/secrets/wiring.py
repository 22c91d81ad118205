from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.secrets.rest import SecretEndpoints
from hub.secrets.service import SecretService
from hub.secrets.store import SecretStore


def build(base: Foundation, audit: AuditService) -> tuple[SecretService, Capability]:
    service = SecretService(SecretStore(base.database, base.vault), audit)
    return service, Capability(
        endpoints=(SecretEndpoints(service),), clean_up=lambda _: service.clean_up()
    )
