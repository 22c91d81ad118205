"""Partitioned tables: made ahead of need, dropped when past their retention (promise G15)."""

from datetime import timedelta

from msgspec import Struct

import sql
from hub.base.database import Database

_Q = sql.queries("partitions")


class Partitioned(Struct, frozen=True, kw_only=True):
    """A table partitioned by time, one partition a `step`."""

    table: str
    step: timedelta
    ahead: int
    keep: timedelta


async def maintain(database: Database, tables: list[Partitioned]) -> int:
    """Make and drop; how many were dropped. Harmless when two replicas do it at once."""
    dropped = 0
    for table in tables:
        async with database.transaction(deadline=30) as connection:
            await connection.execute(_Q["lock"])
            await connection.execute(_Q["make"], table.table, table.step, table.ahead)
            dropped += await connection.fetchval(_Q["drop"], table.table, table.step, table.keep)
    return dropped
