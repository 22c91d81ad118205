"""Gives certificates to devices, and knows what has become of each."""

from typing import Final, NamedTuple

from hub.accounts.service import AccountService, VersionChange
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.certificates.alerts import SCAN_SECONDS, CertificateAlerts
from hub.certificates.authority import CertificateAuthority
from hub.certificates.rest import CertificateEndpoints
from hub.certificates.service import CertificateService
from hub.certificates.store import CertificateStore
from hub.telemetry.writer import TelemetryWriter

RELOAD_SECONDS: Final = 600.0
"""Where a look at the authorities failed when they had changed."""


class Certificates(NamedTuple):
    service: CertificateService
    authority: CertificateAuthority
    endpoints: CertificateEndpoints


def build(
    base: Foundation, audit: AuditService, telemetry: TelemetryWriter, accounts: AccountService
) -> tuple[Certificates, Capability]:
    store = CertificateStore(base.database, base.vault)
    alerts = CertificateAlerts(store, telemetry)
    authority = CertificateAuthority(
        store, audit, base.vault, base.clock, seconds=base.settings.certificate_seconds
    )
    service = CertificateService(store, authority, audit, alerts, base.clock, accounts.refresh)
    endpoints = CertificateEndpoints(service, authority)

    def changed(changes: list[VersionChange]) -> None:
        if service.credentials_changed(changes):
            base.spawn(authority.load())

    accounts.on_change(changed)
    return Certificates(service, authority, endpoints), Capability(
        endpoints=(endpoints,),
        prepare=(authority.prepare,),
        timers=(Timer(RELOAD_SECONDS, authority.load),),
        jobs=(every(SCAN_SECONDS, "certificate_scan", lambda _: alerts.scan()),),
        clean_up=lambda _: store.forget(),
    )
