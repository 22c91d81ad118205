"""Which devices the target of an application gives it to.

The one place that knows what a target says: a query that is trusted, so that no device comes in by
what it says of itself. One that names a group which has gone, or has another name now, means nobody
knows whom: it is not read, and nothing is moved.
"""

import contextlib

from hub.base.database import Connection
from hub.base.errors import Invalid
from hub.groups.service import GroupRow
from hub.queries.service import QueryService
from hub.workloads.assignment_store import AssignmentStore
from protocol.ids import DeviceId, OrgId


class Targets:
    def __init__(self, store: AssignmentStore, queries: QueryService) -> None:
        self._store = store
        self._queries = queries

    async def check(self, org: OrgId, target: str) -> None:
        """Raises `Invalid`, `UntrustedQuery`."""
        await self._queries.read_trusted(org, target, field="target")

    async def naming(self, connection: Connection, org: OrgId, group: GroupRow) -> str | None:
        """An application whose target names a group, in words."""
        names = (group.group_id, group.name)
        for application, target in await self._store.targets(connection, org):
            with contextlib.suppress(Invalid):  # it names nothing that anybody could read
                if self._queries.asks_for_group(target, names):
                    return f"the target of the application {application}"
        return None

    async def matching(self, connection: Connection, org: OrgId, target: str) -> list[DeviceId]:
        """As they are now. Raises as `check`."""
        tree = await self._queries.read_trusted(org, target, field="target")
        return await self._store.matching(connection, org, tree)
