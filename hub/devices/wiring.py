"""Lists the devices of an organisation, and changes them."""

from collections.abc import Callable

from hub.accounts.service import AccountService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.devices.bulk import BulkService
from hub.devices.bulk_rest import BulkEndpoints
from hub.devices.quarantine import QuarantineService
from hub.devices.quarantine_rest import QuarantineEndpoints
from hub.devices.rest import DeviceEndpoints
from hub.devices.service import DeviceService, Settle
from hub.devices.store import DeviceStore
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from protocol.ids import DeviceKey


def build(
    base: Foundation,
    audit: AuditService,
    accounts: AccountService,
    queries: QueryService,
    rights: RightsMemory,
    *,
    settle: Settle,
    hint_desired: Callable[[DeviceKey], None],
    hint_quarantine: Callable[[DeviceKey], None],
) -> tuple[DeviceService, Capability]:
    store = DeviceStore(base.database)
    service = DeviceService(store, accounts, audit, settle, hint_desired)
    endpoints = DeviceEndpoints(service, queries)
    many = BulkService(store, accounts, audit, queries, rights, settle, hint_quarantine)
    quarantine = QuarantineEndpoints(QuarantineService(store, audit, hint_quarantine))
    return service, Capability(endpoints=(endpoints, BulkEndpoints(many), quarantine))
