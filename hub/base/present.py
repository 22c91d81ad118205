"""What stands in the future is now (promise G18).

A moment that we wrote ourselves cannot lie ahead: the clock was wrong when it was written, or it is
wrong now. Waiting for it could take years. So at the start of a replica, and whenever a clock has
been set, such moments become the present; a wait that had begun keeps its length.
"""

from datetime import datetime
from typing import Final

import sql
from hub.base.database import Database

_Q = sql.queries("clocks")
_TABLES: Final = (
    "commands",
    "campaigns",
    "targets",
    "jobs",
    "lines",
    "seen",
    "sections",
    "configurations",
    "schedule_runs",
)


async def now_of(database: Database) -> datetime:
    """By its clock."""
    moment: datetime = await database.fetchval(_Q["now"])
    return moment


async def bring_to_present(database: Database) -> None:
    """Harmless when two replicas do it at once, and when there is nothing to do."""
    for table in _TABLES:
        async with database.transaction(deadline=30) as connection:
            await connection.execute(_Q[table])
