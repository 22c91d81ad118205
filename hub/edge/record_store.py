"""The rows of records of production, read back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

import sql
from hub.base.database import Database, Row
from protocol.edge import Kind
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("edge")

CloudState = Literal["pending", "done", "dead"]
CountedBy = Literal["kind", "company", "device", "day"]
_ASKED: Final = "/*asked*/ true"
_GROUPS: Final = "/*groups*/ kind"
_COLUMNS: Final[dict[CountedBy, str]] = {
    "kind": "kind",
    "company": "company_id",
    "device": "device_id",
    "day": "to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}


class RecordSpan(Struct, frozen=True):
    """Both ends included; `since` None is from the first."""

    since: datetime | None
    until: datetime


class RecordKey(Struct, frozen=True):
    """By which records are in order."""

    received_at: datetime | None = None
    """None: behind all."""
    device_id: str = ""
    record_id: str = ""


class RecordFilter(Struct, frozen=True, kw_only=True):
    """None is any. `since` and `until` go by when the hub received a record."""

    kind: Kind | None = None
    company_id: str | None = None
    device_id: str | None = None
    id: str | None = None
    cloud: CloudState | None = None
    since: datetime | None = None
    until: datetime | None = None


class RecordStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, org: OrgId, asked: RecordFilter, span: RecordSpan, before: RecordKey, limit: int
    ) -> list[Row]:
        values: list[object] = [
            org,
            span.since,
            span.until,
            before.received_at,
            before.device_id,
            before.record_id,
            limit,
        ]
        if asked.cloud is not None:
            values.append(asked.cloud)
        statement = _Q["records" if asked.cloud is None else f"records_{asked.cloud}"]
        conditions, more = _narrowed(asked, len(values) + 1)
        return await self._database.tenant(org).fetch(
            statement.replace(_ASKED, conditions), *values, *more
        )

    async def one(
        self,
        org: OrgId,
        device_id: DeviceId,
        record_id: str,
        kind: Kind,
        since: datetime | None,
    ) -> Row | None:
        return await self._database.tenant(org).fetchrow(
            _Q["record"], org, device_id, record_id, kind, since
        )

    async def counts(
        self, org: OrgId, by: Sequence[CountedBy], span: RecordSpan
    ) -> list[tuple[list[str], int]]:
        """What was counted by, in its order, and how many."""
        groups = ", ".join(_COLUMNS[each] for each in by)
        rows = await self._database.tenant(org).fetch(
            _Q["record_counts"].replace(_GROUPS, groups), org, span.since, span.until
        )
        return [(row["of"], row["count"]) for row in rows]


def _narrowed(asked: RecordFilter, first: int) -> tuple[str, list[object]]:
    """The conditions of what was asked for, so that the statement is planned for them."""
    columns = {
        "a.kind": asked.kind,
        "a.company_id": asked.company_id,
        "a.device_id": asked.device_id,
        "a.record_id": asked.id,
    }
    present = [(name, value) for name, value in columns.items() if value is not None]
    texts = [f"{name} = ${number}" for number, (name, _) in enumerate(present, first)]
    return " AND ".join(texts) or "true", [value for _, value in present]
