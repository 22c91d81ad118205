"""Partitioned tables: made ahead of need, dropped when past their retention (promises G15, G18).

Each table has a default partition as well. What a clock that has stepped puts where no partition
was made yet is stored there, and moves as soon as its partition is made; so no insert fails for
want of a partition. What is dropped is gone for good, and may be judged by a clock that is wrong:
so nothing is dropped early in a start, little at a time, and never by the clock alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

import sql
from hub.base.clocks import Brake
from hub.base.database import Database

_Q = sql.queries("partitions")


class Partitioned(Struct, frozen=True, kw_only=True):
    """A table partitioned by time, one partition a `step`."""

    table: str
    step: timedelta
    ahead: int
    keep: timedelta


async def make(
    database: Database, tables: Sequence[Partitioned], moments: Sequence[datetime] = ()
) -> None:
    """For the database's present, for `moments`, and for rows that wait in the default partition.
    Harmless when two replicas do it at once."""
    for table in tables:
        async with database.transaction(deadline=30) as connection:
            await connection.execute(_Q["lock"])
            await connection.execute(
                _Q["make"], table.table, table.step, table.ahead, list(moments)
            )


async def drop(database: Database, tables: Sequence[Partitioned], brake: Brake, now: float) -> int:
    """What is past its retention, as far as the brake lets it; how many."""
    dropped = 0
    for table in tables:
        if not brake.may_drop(table.table, now):
            continue
        async with database.transaction(deadline=30) as connection:
            await connection.execute(_Q["lock"])
            count = await connection.fetchval(_Q["drop"], table.table, table.step, table.keep)
        if count:
            brake.dropped(table.table, now)
            dropped += count
    return dropped
