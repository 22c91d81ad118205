"""Recording privileged actions, and reading them back."""

from datetime import timedelta
from typing import Any

from msgspec import Struct

from hub.audit.store import AuditStore, Deed, Filter
from hub.base.database import Connection, Row
from hub.base.partitions import Partitioned
from hub.web.envelope import Items
from hub.web.paging import decode_number_cursor, page_of
from hub.web.principal import Principal
from protocol.codec import rfc3339
from protocol.ids import OrgId

__all__ = ["AuditRow", "AuditService", "Deed", "Filter", "deed_of"]


class AuditRow(Struct, frozen=True, kw_only=True):
    """One privileged action as REST tells it."""

    id: str
    at: str
    actor: str
    action: str
    target: str | None
    detail: dict[str, Any]


def deed_of(by: Principal, action: str, target: str | None = None, **detail: object) -> Deed:
    """What the caller does."""
    return Deed(org=by.org, actor=by.actor, action=action, target=target, detail=detail)


class AuditService:
    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def record(self, connection: Connection, *deeds: Deed) -> None:
        """Write rows in the transaction of their effect (promise G16)."""
        await self._store.insert(connection, list(deeds))

    def partitioned(self, *, days: int) -> list[Partitioned]:
        month, keep = timedelta(days=30), timedelta(days=days)
        return [Partitioned(table="audit_log", step=month, ahead=2, keep=keep)]

    async def list(
        self, org: OrgId, wanted: Filter, *, cursor: str | None, limit: int
    ) -> Items[AuditRow]:
        rows = await self._store.list(
            org, wanted, before=decode_number_cursor(cursor), limit=limit + 1
        )
        return page_of(
            rows, limit, key=lambda row: (row["at"], str(row["audit_id"])), item=_from_row
        )


def _from_row(row: Row) -> AuditRow:
    return AuditRow(
        id=str(row["audit_id"]),
        at=rfc3339(row["at"]),
        actor=row["actor"],
        action=row["action"],
        target=row["target"],
        detail=row["detail"],
    )
