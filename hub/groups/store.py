"""The rows of groups and their members."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from hub.queries.service import GroupQuery
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("groups")


class GroupRow(Struct, frozen=True, kw_only=True):
    group_id: str
    name: str
    member_count: int
    created_at: datetime
    query: str | None = None
    """Of a dynamic group: whom it means."""
    trusted: bool = True
    """No device comes in by what it says."""
    evaluated_at: datetime | None = None
    timezone: str | None = None
    """Of its devices that have none of their own."""

    @classmethod
    def from_row(cls, row: Row) -> "GroupRow":
        return cls(
            group_id=row["group_id"],
            name=row["name"],
            member_count=row["member_count"],
            created_at=row["created_at"],
            query=row["query"],
            trusted=row["trusted"],
            evaluated_at=row["evaluated_at"],
            timezone=row["timezone"],
        )


class GroupStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(
        self,
        connection: Connection,
        org: OrgId,
        group_id: str,
        name: str,
        timezone: str | None,
        query: GroupQuery | None,
    ) -> GroupRow:
        """Raises `Conflict` when the name is taken."""
        try:
            rows = await connection.fetch(
                _Q["create"], org, group_id, name, timezone, *_columns(query)
            )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"the group name {name} is taken") from None
        return GroupRow.from_row(rows[0])

    async def get(self, org: OrgId, group_id: str) -> GroupRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, group_id)
        return None if row is None else GroupRow.from_row(row)

    async def list(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[GroupRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *(before or (None, None)), limit
        )
        return [GroupRow.from_row(row) for row in rows]

    async def describe(
        self, connection: Connection, org: OrgId, group_id: str, name: str, timezone: str | None
    ) -> bool:
        """Raises `Conflict` when the name is taken."""
        try:
            found = await connection.fetchval(_Q["describe"], org, group_id, name, timezone)
        except asyncpg.UniqueViolationError:
            raise Conflict(f"the group name {name} is taken") from None
        return found is not None

    async def mean(
        self, connection: Connection, org: OrgId, group_id: str, query: GroupQuery
    ) -> None:
        """Another query; its members are to be found."""
        await connection.execute(_Q["mean"], org, group_id, *_columns(query))

    async def delete(
        self, connection: Connection, org: OrgId, group_id: str
    ) -> Sequence[DeviceId] | None:
        """Its members; None when it was not there."""
        return await connection.fetchval(_Q["delete"], org, group_id)

    async def lock(self, connection: Connection, org: OrgId, group_id: str) -> bool:
        """Whether there is such a group; then it stays until the commit."""
        return bool(await connection.fetchval(_Q["lock"], org, group_id))

    async def add_members(
        self, connection: Connection, org: OrgId, group_id: str, device_ids: Sequence[str]
    ) -> None:
        await connection.execute(_Q["add_members"], org, group_id, list(device_ids))

    async def remove_members(
        self, connection: Connection, org: OrgId, group_id: str, device_ids: Sequence[str]
    ) -> None:
        await connection.execute(_Q["remove_members"], org, group_id, list(device_ids))

    async def members_of(
        self, connection: Connection, org: OrgId, group_id: str
    ) -> Sequence[DeviceId]:
        rows = await connection.fetch(_Q["members"], org, [group_id])
        return [DeviceId(row["device_id"]) for row in rows]

    async def is_scope(self, connection: Connection, org: OrgId, group_id: str) -> bool:
        """Whether rights are bound to the group."""
        return bool(await connection.fetchval(_Q["is_scope"], org, group_id))

    async def has_defaults(self, connection: Connection, org: OrgId, group_id: str) -> bool:
        """Whether it gives its devices some of their configuration."""
        return bool(await connection.fetchval(_Q["has_defaults"], org, group_id))

    async def members(self, org: OrgId, group_ids: Sequence[str]) -> Sequence[DeviceId]:
        rows = await self.database.tenant(org).fetch(_Q["members"], org, list(group_ids))
        return [DeviceId(row["device_id"]) for row in rows]

    async def members_of_each(
        self, org: OrgId, group_ids: Sequence[str]
    ) -> dict[str, frozenset[str]]:
        """Also of those that nobody is in."""
        rows = await self.database.tenant(org).fetch(_Q["members_of_each"], org, list(group_ids))
        return {row["group_id"]: frozenset(row["device_ids"]) for row in rows}


def _columns(query: GroupQuery | None) -> tuple[str | None, dict[str, str], bool, bool]:
    if query is None:
        return None, {}, True, False
    return query.text, dict(query.words), query.trusted, query.volatile
