"""What a query names of an organisation."""

from collections.abc import Mapping

from msgspec import Struct

import sql
from hub.base.database import Database
from protocol.ids import OrgId

_Q = sql.queries("queries")


class NamedGroups(Struct, frozen=True):
    ids: Mapping[str, str]
    """Of each group, by its name."""
    untrusted: frozenset[str]
    """Ids of those that a device may come into by what it says."""


class QueryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(self, org: OrgId) -> NamedGroups:
        rows = await self._database.tenant(org).fetch(_Q["groups"], org)
        return NamedGroups(
            {row["name"]: row["group_id"] for row in rows},
            frozenset(row["group_id"] for row in rows if not row["trusted"]),
        )
