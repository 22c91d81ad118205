"""Files of the agent that a power cut or a dying card has torn: put aside, never the agent's end.

What lies aside is for whoever looks into it; the agent goes on with a new file, and says so.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

KEPT: Final = 3
"""Damaged files of one name; the oldest go, so that a card that dies slowly is not filled."""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SIDES: Final = ("-wal", "-shm")


class Damage(Struct, frozen=True):
    """`what` was lost, in words for the alert `state_damaged`."""

    what: str


def put_aside(path: Path) -> Path:
    """Its new place. Raises `OSError`."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    path.rename(aside)
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    for old in _aside(path)[:-KEPT]:
        for each in (old, *(old.with_name(old.name + side) for side in _SIDES)):
            each.unlink(missing_ok=True)
    return aside


def _aside(path: Path) -> list[Path]:
    """What lies aside, the oldest first."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(each for each in found if not each.name.endswith(_SIDES))


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is torn: not that it is busy, full or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED


def check(connection: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` as for a torn page."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def salvage(damaged: Path, into: sqlite3.Connection, *, but: str) -> Damage:
    """Take over what can be read of the events and records that wait, and of what the agent has
    noted except `but`. The journal of commands is not: half of one would lie."""
    source = sqlite3.connect(damaged)
    source.execute("PRAGMA query_only=ON")
    try:
        into.execute("BEGIN IMMEDIATE")  # one write to disk, however many rows
        for name, value in _readable(source, "meta", "name"):
            if name != but:
                into.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value))
        found = [_take_over(source, into, table, body) for table, body in _WAITING.items()]
        into.execute("COMMIT")
    finally:
        source.close()
    return Damage(f"{damaged.name}: read {' and '.join(found)}; commands that ran are forgotten")


_WAITING: Final = {"event": 4, "record": 5}
"""Tables, and which column is JSON."""


def _take_over(source: sqlite3.Connection, into: sqlite3.Connection, table: str, body: int) -> str:
    rows = [row for row in _readable(source, table, "position") if _is_json(row[body])]
    for row in rows:
        places = ", ".join("?" * len(row))
        into.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608
    return f"{len(rows)} of {_count(source, table)} {table}s"


def _readable(source: sqlite3.Connection, table: str, key: str) -> list[tuple[Any, ...]]:
    """Rows from either end, up to what cannot be read."""
    rows: dict[Any, tuple[Any, ...]] = {}
    for order in ("ASC", "DESC"):
        for row in _until_torn(source, f"SELECT * FROM {table} ORDER BY {key} {order}"):  # noqa: S608
            rows.setdefault(row[0], row)
    return list(rows.values())


def _until_torn(source: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    with contextlib.suppress(sqlite3.Error):
        yield from source.execute(query)


def _count(source: sqlite3.Connection, table: str) -> str:
    try:
        return str(source.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    except sqlite3.Error:
        return "an unknown number of"


def _is_json(body: object) -> bool:
    """What is torn may still be read, as something else. A record that has gone has no body."""
    if body is None:
        return True
    try:
        msgspec.json.decode(body)  # pyright: ignore[reportArgumentType]
    except (msgspec.MsgspecError, TypeError, UnicodeDecodeError):
        return False
    return True
