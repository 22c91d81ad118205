from hub.accounts.service import AccountService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.devices.rest import DeviceEndpoints
from hub.devices.service import DeviceService
from hub.devices.store import DeviceStore
from hub.telemetry.service import TelemetryService
from hub.web.limits import Limits


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryService,
    accounts: AccountService,
    limits: Limits,
) -> tuple[DeviceService, Capability]:
    service = DeviceService(DeviceStore(base.database), accounts, audit, telemetry)
    return service, Capability(endpoints=(DeviceEndpoints(service, limits),))
