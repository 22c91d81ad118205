"""Lets devices in."""

from hub.accounts.service import AccountService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.certificates.authority import CertificateAuthority
from hub.certificates.service import CertificateService
from hub.devices.service import DeviceService
from hub.enrollment.alerts import EnrollmentAlerts
from hub.enrollment.claiming import Claiming
from hub.enrollment.inbox import EnrollmentInbox
from hub.enrollment.rest import EnrollmentEndpoints
from hub.enrollment.service import EnrollmentService
from hub.enrollment.store import EnrollmentStore
from hub.enrollment.tokens import EnrollmentTokens
from hub.groups.service import GroupService
from hub.rights.memory import RightsMemory
from hub.telemetry.writer import TelemetryWriter
from hub.web.limits import RequestLimits


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    devices: DeviceService,
    groups: GroupService,
    rights: RightsMemory,
    limits: RequestLimits,
    certificates: CertificateService,
    authority: CertificateAuthority,
) -> tuple[EnrollmentEndpoints, Capability]:
    store = EnrollmentStore(base.database)
    tokens = EnrollmentTokens(store, accounts, audit, groups, rights)
    alerts = EnrollmentAlerts(telemetry)
    claiming = Claiming(store, accounts, tokens, certificates)
    service = EnrollmentService(
        store, accounts, audit, alerts, devices, groups, claiming, certificates, authority
    )
    inbox = EnrollmentInbox(store, audit, groups)
    endpoints = EnrollmentEndpoints(service, tokens, inbox, limits)
    return endpoints, Capability(endpoints=(endpoints,), clean_up=lambda _: store.forget())
