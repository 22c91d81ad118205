"""Partitioned tables: made ahead of need, dropped when past their retention (promises G15, G18).

Each table has a default partition as well. What a clock that has stepped puts where no partition
was made yet is stored there, and moves as soon as its partition is made; so no insert fails for
want of a partition. What is dropped is gone for good, and may be judged by a clock that is wrong:
so nothing is dropped early in a start, little at a time, and never by the clock alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

import sql
from hub.base.clocks import Brake
from hub.base.database import Connection, Database

log = structlog.get_logger(__name__)

_Q = sql.queries("partitions")


BeforeDrop = Callable[[Connection], Awaitable[bool]]
"""Awaited in the transaction of a drop, before it is committed: whether it may be."""


class Partitioned(Struct, frozen=True, kw_only=True):
    """A table partitioned by time, one partition a `step`."""

    table: str
    step: timedelta
    ahead: int
    keep: timedelta
    before_drop: BeforeDrop | None = None


class _NotNow(Exception):
    pass


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
        try:
            count = await _drop(database, table)
        except _NotNow:
            log.warning("partition_not_dropped", table=table.table)
            continue
        if count:
            brake.dropped(table.table, now)
            dropped += count
    return dropped


async def _drop(database: Database, table: Partitioned) -> int:
    """Raises `_NotNow`: nothing was dropped."""
    async with database.transaction(deadline=30) as connection:
        await connection.execute(_Q["lock"])
        count: int = await connection.fetchval(_Q["drop"], table.table, table.step, table.keep)
        if count and table.before_drop is not None and not await table.before_drop(connection):
            raise _NotNow
    return count
