"""The tables of telemetry: one transaction for a batch of events, and the readings of REST."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

import sql
from hub.base.database import Connection, Database, as_json
from hub.base.database import Row as Record
from hub.base.partitions import Partitioned, make
from hub.telemetry import rows as rows_
from hub.telemetry.rows import EventRow, LateMetrics, MarkKey, Source
from hub.telemetry.taps import Taps
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("telemetry")


_REFUSALS: Final = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
"""What a row itself is to blame for. Everything else is about the database: a constraint as well,
because no row that was decoded breaks one of ours, and a missing partition reads as one."""


class Committed(NamedTuple):
    """`new`: the rows that were stored. `counting`: those and the duplicates, all but what
    superseded lines sent."""

    new: list[EventRow]
    counting: list[EventRow]


class TelemetryStore:
    def __init__(self, database: Database, taps: Taps | None = None) -> None:
        self._database = database
        self.taps = taps or Taps()

    async def commit(self, rows: list[EventRow], *, late_before: int = 0) -> Committed:
        """Store what is new of a batch, all or nothing. Received before `late_before`
        (microseconds since 1970), a row may have been passed by the roll-up.

        Raises `BadRow` when Postgres refuses what one of the rows holds, `NoPlace` when there is no
        partition for one.
        """
        async with self._database.transaction(deadline=10) as connection:
            marks = await self._lock_marks(connection, rows_.places_of(rows))
            counting = rows_.fenced(rows, await self._superseded(connection, rows_.lines_of(rows)))
            new = rows_.split_new(counting, marks)
            kinds = {row.event.type for row in new}
            if rows_.ALERT in kinds:
                await self._note(connection, new)
            try:
                await self._copy(connection, new)
                await self._set_states(connection, new)
                await self._set_workloads(connection, new)
                await self._roll_up_late(connection, rows_.late_metrics(new, late_before))
            except _REFUSALS as error:
                raise BadRow(str(error)) from error
            except asyncpg.CheckViolationError as error:
                raise NoPlace(str(error)) from error
            await self._move_marks(connection, marks)
            judge = self.taps.judge
            if judge is not None and not judge.kinds.isdisjoint(kinds):
                await judge.judge(connection, new)
            if self.taps.may_want(kinds):
                await self.taps.keep(connection, [(row.source.org, row.event) for row in new])
        return Committed(new, counting)

    async def _note(self, connection: Connection, rows: list[EventRow]) -> None:
        """The alerts among them get the ids of their records."""
        places = [place for place, row in enumerate(rows) if row.event.type == rows_.ALERT]
        alerts = [(rows[place].source.org, rows[place].event) for place in places]
        noted = await self.taps.note(connection, alerts)
        for place, event in zip(places, noted, strict=True):
            rows[place] = rows_.with_event(rows[place], event)

    async def _lock_marks(
        self, connection: Connection, places: list[MarkKey]
    ) -> dict[MarkKey, int]:
        """Up to where durable events are committed."""
        if not places:
            return {}
        columns = (
            [place.org for place in places],
            [place.device_id for place in places],
            [place.boot_id for place in places],
        )
        rows = await connection.fetch(_Q["lock_marks"], *columns)
        return {
            MarkKey(OrgId(row["org_id"]), DeviceId(row["device_id"]), row["boot_id"]): row["seq"]
            for row in rows
        }

    async def _superseded(self, connection: Connection, lines: list[Source]) -> set[Source]:
        if not lines:
            return set()
        rows = as_json(
            {"org_id": line.org, "device_id": line.device_id, "generation": line.generation}
            for line in lines
        )
        found = await connection.fetch(_Q["superseded"], rows)
        return {lines[row["number"] - 1] for row in found}

    async def _move_marks(self, connection: Connection, marks: dict[MarkKey, int]) -> None:
        if marks:
            places = list(marks)
            await connection.execute(
                _Q["move_marks"],
                [place.org for place in places],
                [place.device_id for place in places],
                [place.boot_id for place in places],
                list(marks.values()),
            )

    async def _copy(self, connection: Connection, rows: list[EventRow]) -> None:
        lines: defaultdict[str, list[bytes]] = defaultdict(list)
        for row in rows:
            lines[row.table].append(row.line)
        for table, texts in lines.items():
            await connection.copy_to_table(
                table,
                source=_once(b"".join(texts)),
                columns=rows_.TABLES[table].split(", "),
                format="text",
            )

    async def _roll_up_late(self, connection: Connection, late: list[LateMetrics]) -> None:
        if late:
            await connection.execute(
                _Q["roll_up_late"], *(list(x) for x in zip(*late, strict=True))
            )

    async def _set_states(self, connection: Connection, rows: list[EventRow]) -> None:
        states = rows_.latest_states(rows)
        if states:
            await connection.execute(
                _Q["set_states"], *(list(x) for x in zip(*states, strict=True))
            )

    async def _set_workloads(self, connection: Connection, rows: list[EventRow]) -> None:
        said = rows_.latest_workloads(rows)
        if said:
            await connection.execute(_Q["set_workloads"], as_json(said))

    # Reading

    async def logs(self, org: OrgId, device_id: DeviceId, *values: Any) -> list[Record]:
        return await self._database.tenant(org).fetch(_Q["logs"], org, device_id, *values)

    async def events(self, org: OrgId, device_id: DeviceId, *values: Any) -> list[Record]:
        return await self._database.tenant(org).fetch(_Q["events"], org, device_id, *values)

    async def states(self, org: OrgId, device_id: DeviceId, *values: Any) -> list[Record]:
        return await self._database.tenant(org).fetch(_Q["states"], org, device_id, *values)

    async def metrics(
        self,
        org: OrgId,
        device_ids: list[DeviceId],
        name: str,
        *,
        since: datetime,
        until: datetime,
        step: timedelta,
        rolled_up: bool,
    ) -> list[Record]:
        query = _Q["metrics_rolled" if rolled_up else "metrics_raw"]
        return await self._database.tenant(org).fetch(
            query, org, device_ids, name, since, until, step
        )

    async def metric_names(self, org: OrgId, device_id: DeviceId) -> list[str]:
        rows = await self._database.tenant(org).fetch(_Q["metric_names"], org, device_id)
        return [row["name"] for row in rows]

    async def log_sources(self, org: OrgId, device_id: DeviceId) -> list[str]:
        rows = await self._database.tenant(org).fetch(_Q["log_sources"], org, device_id)
        return [row["source"] for row in rows]

    # Jobs

    async def roll_up(self, fence: Callable[[Connection], Awaitable[None]]) -> None:
        """`fence` keeps others from it: two would count the same events twice."""
        async with self._database.transaction(deadline=60) as connection:
            await fence(connection)
            await connection.execute(_Q["lock_roll_up_marks"])
            rows = await connection.fetch(_Q["move_roll_up_marks"])
            orgs, until, since = (list(column) for column in zip(*rows, strict=True))
            ends = min(since), max(until)
            await connection.execute(_Q["roll_up"], orgs, since, until, *ends)

    async def make_room(self, tables: list[Partitioned], moments: list[datetime]) -> None:
        """Partitions for the present and for these moments."""
        await make(self._database, tables, moments)

    async def forget_marks(self) -> None:
        await self._database.execute(_Q["forget_marks"])


async def _once(text: bytes) -> AsyncIterator[bytes]:
    """As asyncpg reads it on the loop: a file it reads in a thread, two hops a table."""
    yield text


class BadRow(Exception):
    """Postgres refuses a value in this batch."""


class NoPlace(Exception):
    """There is no partition for a row of this batch."""
