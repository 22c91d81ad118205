"""The agent's SQLite file, used by one thread; writes that wait together share a transaction.

`synchronous=FULL` in WAL mode: what `write` has returned survives a crash and a power cut. A write
that fails takes its whole group with it, and every caller of the group gets `JournalUnavailable`.
"""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from device.base.damage import Damage, check, is_damage, put_aside, salvage
from device.base.errors import JournalUnavailable, StateUnavailable
from device.base.files import make_private

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

JOURNAL_ID: Final = "journal_id"
"""Names the journal of commands in `meta`; it does not outlive the file."""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    os_boot_id TEXT,
    expects TEXT,
    result BLOB,
    forgotten_at INTEGER
);
CREATE INDEX IF NOT EXISTS command_forgotten ON command (forgotten_at);
CREATE TABLE IF NOT EXISTS signed_command (id TEXT PRIMARY KEY, signed_until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    alert INTEGER NOT NULL,
    frame BLOB NOT NULL,
    UNIQUE (boot_id, seq)
);
CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    company_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB,
    way TEXT,
    state TEXT NOT NULL DEFAULT 'waiting',
    reason TEXT,
    taken_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS record_company ON record (company_id, position, way)
    WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS record_first ON record (position) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS record_ended ON record (position) WHERE state <> 'waiting';
"""


class Database:
    """Open before the loop's work begins, `close` at its end."""

    def __init__(self, path: Path) -> None:
        """A damaged file is put aside, and what can be read of it taken over: see `damage`. Raises
        `StateUnavailable` when the file cannot be opened."""
        self._thread = ThreadPoolExecutor(1, "database")
        self._jobs: deque[tuple[Job[Any], Future[Any]]] = deque()
        try:
            self._connection, self.damage = self._thread.submit(_open_or_replace, path).result()
        except (sqlite3.Error, OSError) as error:
            self._thread.shutdown()
            raise StateUnavailable(f"cannot use {path}: {error}") from None

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction with its neighbours; returns when it is on disk.

        Raises `JournalUnavailable`. A caller that is cancelled meanwhile leaves the write done."""
        future: Future[T] = Future()
        self._jobs.append((job, future))
        self._thread.submit(self._drain)
        return await asyncio.shield(asyncio.wrap_future(future))

    async def read(self, query: Job[T]) -> T:
        """Run `query` by itself, after the writes before it. Raises `JournalUnavailable`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, query, self._connection
            )
        except sqlite3.Error as error:
            raise JournalUnavailable(str(error)) from None

    def now(self, job: Job[T]) -> T:
        """`write` for the time before the loop runs. Raises `StateUnavailable`."""
        future: Future[T] = Future()
        self._jobs.append((job, future))
        self._thread.submit(self._drain)
        try:
            return future.result()
        except JournalUnavailable as error:
            raise StateUnavailable(f"cannot use the agent's database: {error}") from None

    def close(self) -> None:
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def _drain(self) -> None:
        group: list[tuple[Job[Any], Future[Any]]] = []
        while self._jobs:
            group.append(self._jobs.popleft())
        if group:
            self._commit(group)

    def _commit(self, group: list[tuple[Job[Any], Future[Any]]]) -> None:
        try:
            with self._transaction():
                results = [job(self._connection) for job, _ in group]
        except sqlite3.Error as error:
            for _, future in group:
                future.set_exception(JournalUnavailable(str(error)))
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _open_or_replace(path: Path) -> tuple[sqlite3.Connection, Damage | None]:
    try:
        return _open(path), None
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    aside = put_aside(path)
    connection = _open(path)
    return connection, salvage(aside, connection, but=JOURNAL_ID)


def _open(path: Path) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=1000")
        check(connection)
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def get_meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_meta(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Keep `value` under `name`; None takes it away."""
    if value is None:
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
