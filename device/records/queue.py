"""Records of production on disk, from the moment they are taken until the hub or the cloud has
them.

A row is waiting, done or refused. Done and refused rows are kept a while, without their content: so
a producer that hands a record in again, because it never heard the answer, does not make a second
one. All counts change in the transaction that changes the rows.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import Final, Literal, NamedTuple, TypeVar

import structlog

from device.base.database import Database, get_meta, set_meta
from device.base.errors import JournalUnavailable
from device.records.ways import RecordBounds, Way, way_of
from protocol.codec import encode
from protocol.edge import EdgeRecord, Kind, digest
from protocol.frames import ConnectionMode

_log = structlog.stdlib.get_logger()

T = TypeVar("T")

KEPT: Final = 20_000
"""Rows that are done or refused."""
PRUNE_AT: Final = KEPT + 1_000
_MODE: Final = "connection_mode"
_DROPPED: Final = "records_dropped"

Taken = Literal["ok", "conflict", "full"]
RecordLane = str
"""A company."""


class WaitingRecord(NamedTuple):
    """A record that waits, as it is on disk: `body` is the record in JSON."""

    id: str
    kind: Kind
    lane: RecordLane
    body: bytes


class Note(NamedTuple):
    """Something to remember in the transaction that takes records."""

    name: str
    value: str | None


class RecordQueue:
    """`wakes`: set whenever there may be something to send."""

    def __init__(
        self,
        database: Database,
        *,
        bounds: RecordBounds,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self.bounds = bounds
        self._wall_clock = wall_clock
        self.wakes: Final[list[asyncio.Event]] = []
        self.changed: Final = asyncio.Condition()
        self._depth = self._bytes = self._ended = 0
        self._refused = self._dropped = 0
        self._oldest: float | None = None
        database.now(self._count)
        self._mode: ConnectionMode = database.now(_mode)

    @property
    def depth(self) -> int:
        """Records that wait."""
        return self._depth

    @property
    def refused(self) -> int:
        """Records that the hub or the cloud will never take, of those still remembered."""
        return self._refused

    @property
    def dropped(self) -> int:
        """Records refused for want of room since the database was made."""
        return self._dropped

    @property
    def mode(self) -> ConnectionMode:
        return self._mode

    def oldest_seconds(self) -> float:
        """How long the first in the queue has waited; 0 without one."""
        return 0.0 if self._oldest is None else max(0.0, self._wall_clock() - self._oldest)

    # In

    async def add(self, records: Sequence[EdgeRecord], *note: Note) -> list[Taken]:
        """Keep `records` until they are delivered, and `note` when there was room for all of them.
        Raises `JournalUnavailable`; then none is kept."""

        def job(connection: sqlite3.Connection) -> list[Taken]:
            taken: list[Taken] = [self._add_one(connection, record) for record in records]
            for name, value in note if "full" not in taken else ():
                set_meta(connection, name, value)
            self._look(connection)
            return taken

        taken = await self._write(job)
        self.wake()
        return taken

    def _add_one(self, connection: sqlite3.Connection, record: EdgeRecord) -> Taken:
        content = digest(record)
        row = connection.execute("SELECT digest FROM record WHERE id = ?", (record.id,)).fetchone()
        if row is not None:
            return "ok" if row[0] == content else "conflict"
        body = encode(record)
        if not self.bounds.admit(records=self._depth + 1, size=self._bytes + len(body)):
            return "full"
        connection.execute(
            "INSERT INTO record (id, digest, company_id, kind, body, taken_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (record.id, content, record.company_id, record.kind, body, self._wall_clock()),
        )
        self._depth += 1
        self._bytes += len(body)
        return "ok"

    async def count_dropped(self, records: int) -> None:
        """So many were refused for want of room, and are lost unless their producer keeps them."""
        self._dropped += records
        total = str(self._dropped)
        await self._database.write(lambda connection: set_meta(connection, _DROPPED, total))

    # Out

    async def lanes(self, way: Way) -> list[RecordLane]:
        """The companies whose first record goes this way, the one with the oldest first."""

        def query(connection: sqlite3.Connection) -> list[RecordLane]:
            # A bare column beside MIN is of the row that has the minimum (SQLite).
            rows = connection.execute(
                "SELECT company_id, MIN(position) AS first, coalesce(way, :present) AS goes"
                " FROM record WHERE state = 'waiting' GROUP BY company_id"
                " HAVING goes = :way ORDER BY first",
                {"present": way_of(self._mode), "way": way},
            )
            return [company_id for company_id, _, _ in rows]

        return await self._database.read(query)

    async def take(
        self,
        way: Way,
        most: int,
        lane: RecordLane | None = None,
        *,
        without: Collection[RecordLane] = (),
    ) -> list[WaitingRecord]:
        """The first to go this way, in order; of one lane they are of one kind. None goes before
        an older record of its company. From now on they go no other way: see
        `device.records.ways`."""

        def job(connection: sqlite3.Connection) -> list[WaitingRecord]:
            rows: list[tuple[int, str, Kind, RecordLane, bytes]] = connection.execute(
                "WITH held AS (SELECT company_id, MIN(position) AS first FROM record"
                "  WHERE state = 'waiting' AND coalesce(way, :present) <> :way"
                "  GROUP BY company_id)"
                " SELECT r.position, r.id, r.kind, r.company_id, r.body FROM record r"
                " LEFT JOIN held USING (company_id)"
                " WHERE r.state = 'waiting' AND coalesce(r.way, :present) = :way"
                " AND (held.first IS NULL OR r.position < held.first)"
                " AND (:lane IS NULL OR r.company_id = :lane)"
                " AND r.company_id NOT IN (SELECT value FROM json_each(:without))"
                " ORDER BY r.position LIMIT :most",
                {
                    "present": way_of(self._mode),
                    "way": way,
                    "lane": lane,
                    "without": json.dumps(list(without)),
                    "most": most,
                },
            ).fetchall()
            if lane is not None:
                rows = list(takewhile(lambda row: row[2] == rows[0][2], rows))
            connection.executemany(
                "UPDATE record SET way = ? WHERE position = ? AND way IS NULL",
                [(way, row[0]) for row in rows],
            )
            return [WaitingRecord(*row[1:]) for row in rows]

        return await self._database.write(job)

    async def settle(self, done: Sequence[str], refused: Sequence[tuple[str, str]]) -> None:
        """These are delivered; those, (id, why), will never be. Raises `JournalUnavailable`: they
        are sent once more, and are then known."""

        def job(connection: sqlite3.Connection) -> None:
            for ident in done:
                self._end(connection, ident, "done", None)
            for ident, reason in refused:
                self._end(connection, ident, "refused", reason)
            if self._ended > PRUNE_AT:
                self._prune(connection)
            self._look(connection)

        await self._write(job)
        self.wake()  # what waited for these on the other way can go
        await self._tell()

    def _end(
        self, connection: sqlite3.Connection, ident: str, state: str, reason: str | None
    ) -> None:
        row = connection.execute(
            "SELECT length(body) FROM record WHERE id = ? AND state = 'waiting'", (ident,)
        ).fetchone()
        if row is None:  # cleared meanwhile
            return
        connection.execute(
            "UPDATE record SET state = ?, reason = ?, body = NULL WHERE id = ?",
            (state, reason, ident),
        )
        self._depth -= 1
        self._bytes -= row[0]
        self._ended += 1
        self._refused += state == "refused"

    def _prune(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM record WHERE position IN (SELECT position FROM record"
            " WHERE state <> 'waiting' ORDER BY position DESC LIMIT -1 OFFSET ?)",
            (KEPT,),
        )
        self._count(connection)

    async def clear(self, *, include_completed: bool) -> int:
        """Delete what waits, and if asked what is done and refused; how many there were."""

        def job(connection: sqlite3.Connection) -> int:
            which = "" if include_completed else " WHERE state = 'waiting'"
            deleted = connection.execute(f"DELETE FROM record{which}").rowcount  # noqa: S608
            self._count(connection)
            return deleted

        deleted = await self._write(job)
        self.wake()
        await self._tell()
        return deleted

    async def drained(self) -> None:
        """Wait until nothing waits."""
        async with self.changed:
            await self.changed.wait_for(lambda: not self._depth)

    async def switch(self, mode: ConnectionMode) -> None:
        """From now on untried records go this way. Raises `JournalUnavailable`."""
        if mode == self._mode:
            return
        await self._database.write(lambda connection: set_meta(connection, _MODE, mode))
        self._mode = mode
        _log.info("records_go_another_way", mode=mode)
        self.wake()

    async def forget_cloud(self) -> None:
        """There is no way to the cloud any more: all that waits goes to the hub. What may have
        arrived there before is known there by its id. Raises `JournalUnavailable`."""
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE record SET way = NULL WHERE state = 'waiting' AND way = 'cloud'"
            )
        )
        await self.switch("VIA_LOCAL_SERVER")
        self.wake()

    def wake(self) -> None:
        for event in self.wakes:
            event.set()

    async def progress(self, name: str) -> str | None:
        """What a `Note` said."""
        return await self._database.read(lambda connection: get_meta(connection, name))

    # Counts, in the database's thread

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.write(job)
        except JournalUnavailable:
            await self._database.read(self._count)  # what the job counted was rolled back
            raise

    def _count(self, connection: sqlite3.Connection) -> None:
        self._depth, self._bytes = connection.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record WHERE state = 'waiting'"
        ).fetchone()
        self._ended, self._refused = connection.execute(
            "SELECT count(*), coalesce(sum(state = 'refused'), 0) FROM record"
            " WHERE state <> 'waiting'"
        ).fetchone()
        self._dropped = int(get_meta(connection, _DROPPED) or 0)
        self._look(connection)

    def _look(self, connection: sqlite3.Connection) -> None:
        row = connection.execute(
            "SELECT taken_at FROM record WHERE state = 'waiting' ORDER BY position LIMIT 1"
        ).fetchone()
        self._oldest = row[0] if row else None

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


def _mode(connection: sqlite3.Connection) -> ConnectionMode:
    kept = get_meta(connection, _MODE)
    return "DIRECT_CLOUD" if kept == "DIRECT_CLOUD" else "VIA_LOCAL_SERVER"
