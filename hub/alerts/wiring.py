"""Keeps a record of each alert."""

from hub.alerts.ending import LOOK_SECONDS, AlertEnding
from hub.alerts.noting import AlertNotes
from hub.alerts.records import DAYS
from hub.alerts.rest import AlertEndpoints
from hub.alerts.service import AlertService
from hub.alerts.store import AlertStore
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.queries.service import QueryService
from hub.telemetry.writer import TelemetryWriter


def build(
    base: Foundation, audit: AuditService, telemetry: TelemetryWriter, queries: QueryService
) -> tuple[AlertService, Capability]:
    store = AlertStore(base.database)
    service = AlertService(store, audit, queries, telemetry)
    ending = AlertEnding(store, service)
    telemetry.taps.records = AlertNotes(store)
    return service, Capability(
        endpoints=(AlertEndpoints(service),),
        jobs=(every(LOOK_SECONDS, "alerts", lambda _: ending.look()),),
        clean_up=lambda _: store.forget(DAYS),
    )
