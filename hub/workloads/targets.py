"""Which devices the target of an application gives it to.

The one place that knows what a target says: a query that is trusted, so that no device comes in by
what it says of itself. Until there are queries it names a group: `group = <name or id>`, the name
in quotes where it is more than one word.
"""

import json
import re
from typing import Final

from hub.base.database import Connection
from hub.base.errors import UntrustedQuery
from hub.workloads.assignment_store import AssignmentStore
from protocol.ids import DeviceId, OrgId

_GROUP: Final = re.compile(
    r'\s*group\s*=\s*(?:([A-Za-z0-9][A-Za-z0-9_.-]*)|("(?:[^"\\]|\\.)*"))\s*\Z'
)


class Targets:
    def __init__(self, store: AssignmentStore) -> None:
        self._store = store

    def check(self, target: str) -> None:
        """Raises `UntrustedQuery`."""
        _group_of(target)

    async def matching(self, connection: Connection, org: OrgId, target: str) -> list[DeviceId]:
        """As they are now."""
        return await self._store.members(connection, org, _group_of(target))


def _group_of(target: str) -> str:
    found = _GROUP.match(target)
    if found is None:
        raise UntrustedQuery("a target names a group: group = <name or id>")
    try:
        return found[1] or str(json.loads(found[2]))
    except ValueError:
        raise UntrustedQuery("the name of the group is a text in JSON's quotes") from None
