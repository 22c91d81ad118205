"""What a query names of an organisation."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

import sql
from hub.base.database import Database
from hub.queries.compiled import condition_of_list
from hub.queries.records import Tree
from protocol.ids import OrgId

_Q = sql.queries("queries")
_QUERY: Final = "/*query*/ true"
_FEW: Final = "/*few*/ true"


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

    async def meant(self, org: OrgId, tree: Tree) -> frozenset[str]:
        """The devices of a trusted query."""
        asked = condition_of_list(tree, first=2)
        statement = _Q["meant"].replace(_FEW, asked.few).replace(_QUERY, asked.text)
        found = await self._database.tenant(org).fetchval(statement, org, *asked.parameters)
        return frozenset(found)
