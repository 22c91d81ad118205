"""Alerts as people and programs see and settle them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct, structs

from hub.alerts.records import MOST_BULK, Alert, event_of
from hub.alerts.store import AlertFilter, AlertStore, alert_of
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Ended, NotFound
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.queries.service import QueryService
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import OrgId

__all__ = [
    "Alert",
    "AlertService",
    "RefusedAlert",
    "SettledAlerts",
    "alert_of",
    "event_of",
]

NO_ALERT: Final = "no such alert"
AlertDeed = Literal["acknowledge", "resolve"]
AT_ONCE: Final = 1_000
"""Alerts of one transaction."""


class RefusedAlert(Struct, frozen=True):
    id: str
    code: str


class SettledAlerts(Struct, frozen=True):
    changed: int
    refused: list[RefusedAlert]


class AlertService:
    """Whoever may see some devices only sees and settles their alerts: row-level security."""

    def __init__(
        self,
        store: AlertStore,
        audit: AuditService,
        queries: QueryService,
        telemetry: TelemetryWriter,
    ) -> None:
        self._store = store
        self._audit = audit
        self._queries = queries
        self._telemetry = telemetry

    async def list(
        self,
        by: Principal,
        wanted: AlertFilter,
        query: str | None,
        *,
        cursor: str | None,
        limit: int,
    ) -> Items[Alert]:
        """Raises `Invalid`."""
        if query is not None:
            wanted = structs.replace(wanted, tree=await self._queries.read(by.org, query))
        rows = await self._store.list(by.org, wanted, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(rows, limit, key=_place, item=lambda row: row)

    async def get(self, by: Principal, alert_id: str) -> Alert:
        """Raises `NotFound`."""
        found = await self._store.get(by.org, alert_id)
        if found is None:
            raise NotFound(NO_ALERT)
        return found

    async def settle(
        self, by: Principal, alert_id: str, deed: AlertDeed, comment: str | None
    ) -> Alert:
        """Raises `NotFound`, and `Ended` for one that is resolved."""
        done = await self._settle(by, [alert_id], deed, comment)
        if alert_id not in done:
            await self.get(by, alert_id)
            raise Ended("the alert is resolved")
        return await self.get(by, alert_id)

    async def settle_all(
        self, by: Principal, alert_ids: Sequence[str], deed: AlertDeed, comment: str | None
    ) -> SettledAlerts:
        ids = list(dict.fromkeys(alert_ids))
        changed: set[str] = set()
        for first in range(0, len(ids), AT_ONCE):
            changed |= await self._settle(by, ids[first : first + AT_ONCE], deed, comment)
        refused = [RefusedAlert(each, str(NotFound.code)) for each in ids if each not in changed]
        return SettledAlerts(len(changed), refused)

    async def of_query(self, by: Principal, query: str) -> "list[str]":
        """Ids of those that are not resolved, of the devices that it means. Raises `Invalid`."""
        tree = await self._queries.read(by.org, query)
        return await self._store.unresolved(by.org, tree, MOST_BULK)

    async def _settle(
        self, by: Principal, alert_ids: Sequence[str], deed: AlertDeed, comment: str | None
    ) -> set[str]:
        """Those that were not resolved."""
        async with self._store.database.tenant(by.org).transaction(deadline=10) as connection:
            if deed == "resolve":
                await self._store.lock_watches(connection, by.org, alert_ids)
            there = await self._store.lock(connection, by.org, alert_ids)
            ids = [alert.alert_id for alert in there if alert.resolved_at is None]
            if not ids:
                return set()
            if deed == "acknowledge":
                await self._store.acknowledge(connection, by.org, ids, by.actor, comment)
            else:
                await self._store.resolve(connection, by.org, ids, comment)
                await self.tell(connection, await self._store.lock(connection, by.org, ids))
            entries = [
                audit_entry(by, f"alert.{deed}", each.alert_id, deviceId=each.device_id)
                for each in there
                if each.resolved_at is None
            ]
            await self._audit.record(connection, *entries)
        return set(ids)

    async def tell(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Those that keep events, in this transaction, and dashboards after it, what has become
        of these."""
        by_org: dict[OrgId, list[Alert]] = {}
        for alert in alerts:
            by_org.setdefault(alert.org, []).append(alert)
        for org, some in by_org.items():
            now = self._telemetry.now()
            await self._telemetry.tell(connection, org, [event_of(each, now) for each in some])


def _place(alert: Alert) -> tuple[datetime, str]:
    return (alert.first_at, alert.alert_id)
