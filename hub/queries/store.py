"""What a query names of an organisation."""

import sql
from hub.base.database import Database
from protocol.ids import OrgId

_Q = sql.queries("queries")


class QueryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def group_ids(self, org: OrgId) -> dict[str, str]:
        """Of each group, by its name."""
        rows = await self._database.tenant(org).fetch(_Q["groups"], org)
        return {row["name"]: row["group_id"] for row in rows}
