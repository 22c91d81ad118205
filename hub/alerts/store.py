"""The rows of alerts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

import sql
from hub.alerts.folding import AlertKey, AlertStep
from hub.alerts.records import Alert
from hub.base.database import Connection, Database, Row, as_json
from hub.queries.compiled import condition
from hub.queries.records import Tree
from protocol.dashboard import AlertStatus
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.telemetry import Severity

_Q = sql.queries("alerts")
_QUERY: Final = "/*query*/ true"
"""In a statement, where the condition of a query goes."""
AT_ONCE: Final = 1_000


class AlertFilter(Struct, frozen=True, kw_only=True):
    """None is no limit. `tree`: of which devices."""

    status: AlertStatus | None = None
    severity: list[Severity] | None = None
    rule: str | None = None
    code: str | None = None
    device_id: str | None = None
    acknowledged: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    tree: Tree | None = None


class AlertStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # What devices and the hub raise

    async def raise_own(
        self, connection: Connection, steps: Iterable[AlertStep]
    ) -> dict[AlertKey, str]:
        """The ids of the records of those steps that raise one."""
        given = [
            {
                **step.key._asdict(),
                "alert_id": uuid7(),
                "severity": step.severity,
                "message": step.message,
                "count": step.count,
            }
            for step in steps
            if not step.resolves
        ]
        return await self._own(connection, "raise_own", given)

    async def resolve_own(
        self, connection: Connection, steps: Iterable[AlertStep]
    ) -> dict[AlertKey, str]:
        """The ids of the records that are over."""
        given = [each.key._asdict() for each in steps if each.resolves]
        return await self._own(connection, "resolve_own", given)

    async def _own(
        self, connection: Connection, statement: str, given: Sequence[object]
    ) -> dict[AlertKey, str]:
        if not given:
            return {}
        return {
            AlertKey(row["org_id"], row["device_id"], row["code"], row["subject"]): row["alert_id"]
            for row in await connection.fetch(_Q[statement], as_json(given))
        }

    # For people

    async def list(
        self,
        org: OrgId,
        wanted: AlertFilter,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Alert]:
        text, more = _narrowed(_Q["list"], wanted.tree, first=13)
        rows = await self.database.tenant(org).fetch(
            text, org, wanted.status, wanted.severity, wanted.rule, wanted.code, wanted.device_id,
            wanted.acknowledged, wanted.since, wanted.until, *(before or (None, None)), limit,
            *more,
        )  # fmt: skip
        return [alert_of(row) for row in rows]

    async def get(self, org: OrgId, alert_id: str) -> Alert | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, alert_id)
        return None if row is None else alert_of(row)

    async def unresolved(self, org: OrgId, tree: Tree, limit: int) -> "list[str]":
        """Ids of those of the devices that a query means."""
        text, more = _narrowed(_Q["unresolved"], tree, first=3)
        rows = await self.database.tenant(org).fetch(text, org, limit, *more)
        return [row["alert_id"] for row in rows]

    async def lock_watches(
        self, connection: Connection, org: OrgId, alert_ids: Sequence[str]
    ) -> None:
        """What their rules have noted, which goes with them."""
        await connection.execute(_Q["lock_watches"], org, list(alert_ids))

    async def lock(
        self, connection: Connection, org: OrgId, alert_ids: Sequence[str]
    ) -> "list[Alert]":
        return [alert_of(row) for row in await connection.fetch(_Q["lock"], org, list(alert_ids))]

    async def acknowledge(
        self,
        connection: Connection,
        org: OrgId,
        alert_ids: Sequence[str],
        by: str,
        comment: str | None,
    ) -> None:
        await connection.execute(_Q["acknowledge"], org, list(alert_ids), by, comment)

    async def resolve(
        self, connection: Connection, org: OrgId, alert_ids: Sequence[str], comment: str | None
    ) -> None:
        await connection.execute(_Q["resolve"], org, list(alert_ids), comment)

    # What comes to its end by itself

    async def time_out(self, connection: Connection) -> "list[Alert]":
        return [alert_of(row) for row in await connection.fetch(_Q["time_out"], AT_ONCE)]

    async def of_deleted_devices(self, connection: Connection) -> "list[Alert]":
        return [alert_of(row) for row in await connection.fetch(_Q["of_deleted_devices"], AT_ONCE)]

    async def forget(self, days: int) -> None:
        async with self.database.transaction(deadline=60) as connection:
            await connection.execute(_Q["forget"], days)


def _narrowed(text: str, tree: Tree | None, first: int) -> tuple[str, list[object]]:
    """A statement about alerts of the devices that a query means, and its further parameters."""
    if tree is None:
        return text, []
    asked = condition(tree, first=first)
    devices = _Q["devices"].replace(_QUERY, asked.text)
    return text.replace(_QUERY, f"device_id IN ({devices})"), asked.parameters


def alert_of(row: Row) -> Alert:
    return Alert(
        org=OrgId(row["org_id"]),
        alert_id=row["alert_id"],
        rule=None if row["rule_id"] is None else row["rule_name"] or row["code"],
        code=row["code"],
        device_id=None if row["device_id"] is None else DeviceId(row["device_id"]),
        severity=row["severity"],
        message=row["message"],
        value=row["value"],
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        resolved_at=row["resolved_at"],
        because=row["resolved_because"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        comment=row["comment"],
        silenced_by=row["silenced_by"],
    )
