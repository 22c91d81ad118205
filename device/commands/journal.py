"""The journal of commands in SQLite: what `device.commands.book` wants recorded, and what is there.

A row is made by `Received` and lives on after the result is acknowledged, so that a command id
that comes again is answered and not run: for `KEEP_DAYS`, and for the `KEEP_ROWS` newest. Of an
acknowledged result over `KEEP_RESULT_BYTES` only the verdict is kept. What a person has signed must
not run again: of those the `KEEP_ROWS` newest stay, however many others came and whatever the clock
says.

`journalId` is made with the file: a device whose journal was deleted tells the hub by a new one,
and for some time runs nothing that was signed (`device.commands.lost_journal`).
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, assert_never, get_args

import msgspec

from device.base.database import JOURNAL_ID, Database, get_meta, set_meta
from device.commands.book import Finished, Forgotten, Mark, Received, Started
from device.commands.lost_journal import note_lost
from device.commands.recovery import Expects, JournalRow
from protocol.codec import encode
from protocol.ids import CommandId
from protocol.replies import Result

KEEP_DAYS: Final = 90
KEEP_ROWS: Final = 20_000
KEEP_RESULT_BYTES: Final = 4096
MOST_LOADED: Final = 500

_EXPECTS: Final[dict[str, Expects]] = {name: name for name in get_args(Expects)}
_result: Final = msgspec.json.Decoder(Result)
_COLUMNS: Final = "id, kind, os_boot_id, expects, result"


class Journal:
    def __init__(
        self,
        database: Database,
        *,
        os_boot_id: str,
        expected: bool = False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads what is there at once. `expected`: the device has been at work before, so that a
        journal which is not there was lost. Raises `StateUnavailable`."""
        self._database = database
        self._os_boot_id = os_boot_id
        self._wall_clock = wall_clock
        self.journal_id: Final = database.now(partial(_journal_id, expected=expected))

    def load(self) -> list[JournalRow]:
        """Every command whose result is not acknowledged, oldest first, after pruning."""
        horizon = int(self._wall_clock()) - KEEP_DAYS * 86_400

        def job(connection: sqlite3.Connection) -> list[JournalRow]:
            _prune(connection, horizon)
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM command WHERE forgotten_at IS NULL"  # noqa: S608
                " ORDER BY received_at, rowid LIMIT ?",
                (MOST_LOADED,),
            )
            return [_stored(row) for row in rows]

        return self._database.now(job)

    async def record(self, marks: Sequence[Mark]) -> list[JournalRow | None]:
        """Write `marks` in one transaction. For a `Received` that was there before, what was there.

        Raises `JournalUnavailable`; then none of them is written."""
        return await self._database.write(lambda connection: self._write(connection, marks))

    def _write(
        self, connection: sqlite3.Connection, marks: Sequence[Mark]
    ) -> list[JournalRow | None]:
        return [self._write_one(connection, mark) for mark in marks]

    def _write_one(self, connection: sqlite3.Connection, mark: Mark) -> JournalRow | None:
        match mark:
            case Received():
                return self._received(connection, mark)
            case Started():
                connection.execute(
                    "UPDATE command SET os_boot_id = ?, expects = ? WHERE id = ?",
                    (self._os_boot_id, mark.expects, mark.id),
                )
            case Finished():
                connection.execute(
                    "UPDATE command SET result = ? WHERE id = ?", (encode(mark.result), mark.id)
                )
            case Forgotten():
                connection.execute(
                    "UPDATE command SET result = ?, forgotten_at = ? WHERE id = ?",
                    (encode(shortened(mark.result)), int(self._wall_clock()), mark.id),
                )
            case _:
                assert_never(mark)
        return None

    def _received(self, connection: sqlite3.Connection, mark: Received) -> JournalRow | None:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM command WHERE id = ?",  # noqa: S608
            (mark.id,),
        ).fetchone()
        if row is not None:
            return _stored(row)
        connection.execute(
            "INSERT INTO command (id, kind, received_at) VALUES (?, ?, ?)",
            (mark.id, mark.kind, int(self._wall_clock())),
        )
        if mark.signed_until is not None:
            connection.execute(
                "INSERT OR REPLACE INTO signed_command VALUES (?, ?)", (mark.id, mark.signed_until)
            )
        return None


def shortened(result: Result) -> Result:
    """`result` as it is kept once the hub has it."""
    if len(encode(result)) <= KEEP_RESULT_BYTES:
        return result
    return Result(
        command_id=result.command_id,
        success=result.success,
        outcome=result.outcome,
        error=result.error if result.error is None or len(result.error.message) < 1024 else None,
    )


def _stored(row: tuple[str, str, str | None, str | None, bytes | None]) -> JournalRow:
    command_id, kind, os_boot_id, expects, result = row
    return JournalRow(
        id=CommandId(command_id),
        kind=kind,
        os_boot_id=os_boot_id,
        expects=_EXPECTS.get(expects or ""),
        result=_result.decode(result) if result is not None else None,
    )


def _journal_id(connection: sqlite3.Connection, *, expected: bool) -> str:
    journal_id = get_meta(connection, JOURNAL_ID)
    if journal_id is None:
        journal_id = secrets.token_hex(16)
        set_meta(connection, JOURNAL_ID, journal_id)
        if expected:
            note_lost(connection)
    return journal_id


def _prune(connection: sqlite3.Connection, horizon: int) -> None:
    # A command received before the horizon and never started is no longer wanted by any hub.
    connection.execute(
        "DELETE FROM signed_command WHERE id IN (SELECT id FROM signed_command"
        " ORDER BY signed_until DESC LIMIT -1 OFFSET ?)",
        (KEEP_ROWS,),
    )
    connection.execute(
        "DELETE FROM command WHERE received_at < ?"
        " AND (forgotten_at IS NOT NULL OR result IS NULL)"
        " AND id NOT IN (SELECT id FROM signed_command)",
        (horizon,),
    )
    connection.execute(
        "DELETE FROM command WHERE id IN (SELECT id FROM command WHERE forgotten_at IS NOT NULL"
        " AND id NOT IN (SELECT id FROM signed_command)"
        " ORDER BY forgotten_at DESC LIMIT -1 OFFSET ?)",
        (KEEP_ROWS,),
    )
