"""The rows of dynamic groups, and who comes into them."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.groups.dynamic import DynamicGroup
from hub.queries.compiled import condition, condition_of_list
from hub.queries.service import groups_of, tree_of
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("groups")
_QUERY: Final = "/*query*/ true"
"""In a statement, where the condition of a query goes."""
_FEW: Final = "/*few*/ true"


class MemberMove(Struct, frozen=True):
    """Who comes into a group, and who leaves it."""

    comes: frozenset[DeviceId] = frozenset()
    goes: frozenset[DeviceId] = frozenset()

    def __and__(self, other: "MemberMove") -> "MemberMove":
        return MemberMove(self.comes & other.comes, self.goes & other.goes)


class DynamicStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def change_alone(self, connection: Connection, org: OrgId) -> None:
        """Until the commit nobody settles members, or changes which groups there are."""
        await connection.execute(_Q["change_alone"], org)

    async def hold(self, connection: Connection, org: OrgId) -> None:
        """Until the commit the groups, and whom they mean, stay as they are."""
        await connection.execute(_Q["hold"], org)

    async def lock_devices(
        self, connection: Connection, org: OrgId, device_ids: Sequence[str]
    ) -> None:
        await connection.execute(_Q["lock_devices"], org, list(device_ids))

    async def dynamic(self, connection: Connection, org: OrgId) -> list[DynamicGroup]:
        return [_dynamic(row) for row in await connection.fetch(_Q["dynamic"], org)]

    async def all_dynamic(self) -> list[tuple[OrgId, DynamicGroup, bool]]:
        """Of all organisations; and whether its members have been found."""
        rows = await self.database.fetch(_Q["all_dynamic"])
        return [
            (OrgId(row["org_id"]), _dynamic(row), row["evaluated_at"] is not None) for row in rows
        ]

    async def settle(
        self, connection: Connection, org: OrgId, group: DynamicGroup, device_ids: Sequence[str]
    ) -> MemberMove:
        """These devices come into the group of a trusted query, or leave it, as it means them."""
        asked = condition(group.tree, first=4)
        statement = _Q["settle"].replace(_QUERY, asked.text)
        rows = await connection.fetch(
            statement, org, group.group_id, list(device_ids), *asked.parameters
        )
        return _move(rows)

    async def unsettled(
        self, connection: Connection, org: OrgId, group: DynamicGroup, limit: int
    ) -> list[DeviceId]:
        asked = condition(group.tree, first=4)
        statement = _Q["unsettled"].replace(_QUERY, asked.text)
        rows = await connection.fetch(statement, org, group.group_id, limit, *asked.parameters)
        return [DeviceId(row["device_id"]) for row in rows]

    async def swept(self, org: OrgId, group: DynamicGroup) -> MemberMove:
        """Who is to come into the group of any query, and who is to leave it."""
        asked = condition_of_list(group.tree, first=3)
        statement = _Q["swept"].replace(_FEW, asked.few).replace(_QUERY, asked.text)
        rows = await self.database.tenant(org).fetch(
            statement, org, group.group_id, *asked.parameters
        )
        return _move(rows)

    async def still_means(self, connection: Connection, org: OrgId, group: DynamicGroup) -> bool:
        """Whether the group is there with this query; then it stays until the commit."""
        found = await connection.fetchval(_Q["still_means"], org, group.group_id, group.query)
        return bool(found)

    async def evaluated(self, connection: Connection, org: OrgId, group: DynamicGroup) -> None:
        await connection.execute(_Q["evaluated"], org, group.group_id, group.query)

    async def move(
        self, connection: Connection, org: OrgId, group_id: str, move: MemberMove
    ) -> None:
        await connection.execute(_Q["add_members"], org, group_id, sorted(move.comes))
        await connection.execute(_Q["remove_members"], org, group_id, sorted(move.goes))


def _dynamic(row: Row) -> DynamicGroup:
    tree = tree_of(row["query"], row["words"])
    return DynamicGroup(
        group_id=row["group_id"],
        query=row["query"],
        tree=tree,
        named=frozenset(groups_of(tree)),
        trusted=row["trusted"],
        volatile=row["volatile"],
    )


def _move(rows: Sequence[Row]) -> MemberMove:
    comes = frozenset(DeviceId(row["device_id"]) for row in rows if row["comes"])
    return MemberMove(comes, frozenset(DeviceId(row["device_id"]) for row in rows) - comes)
