"""Deadlines round a real Postgres that is frozen, gone, or back."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from hub.base.database import DEADLINE, Database
from hub.base.embedded import Embedded
from hub.base.errors import Unavailable

SLACK = 0.4


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncGenerator[Embedded]:
    """A server of its own: it is going to be frozen."""
    embedded = Embedded(tmp_path / "data")
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest_asyncio.fixture
async def database(server: Embedded) -> AsyncGenerator[Database]:
    database = await Database.open(server.owner_url, connections=3)
    yield database
    await database.close()


@contextlib.contextmanager
def frozen(server: Embedded) -> Generator[None]:
    """Postgres with all its backends stands still."""
    cluster = str(server.data_dir / "postgres")
    mine = [p for p in psutil.Process().children() if cluster in p.cmdline()]
    family = [p for process in mine for p in (process, *process.children(recursive=True))]
    assert len(family) > 1
    for process in family:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


async def seconds_until_refused(database: Database) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.fetchval("SELECT 1")
    return time.monotonic() - began


async def test_a_frozen_server_costs_a_transaction_its_deadline_and_no_more(
    server: Embedded, database: Database
) -> None:
    with frozen(server):
        assert await seconds_until_refused(database) < DEADLINE + SLACK


async def test_a_server_that_freezes_within_a_transaction_ends_it_at_the_deadline(
    server: Embedded, database: Database
) -> None:
    async def freeze_half_way() -> None:
        async with database.transaction() as connection:
            await connection.fetchval("SELECT 1")
            with frozen(server):
                await connection.fetchval("SELECT 2")

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await freeze_half_way()
    assert time.monotonic() - began < DEADLINE + SLACK


async def test_many_callers_of_a_frozen_server_are_refused_in_time_and_later_ones_at_once(
    server: Embedded, database: Database
) -> None:
    with frozen(server):
        waits = await asyncio.gather(*(seconds_until_refused(database) for _ in range(20)))
        assert max(waits) < DEADLINE + SLACK
        assert min([await seconds_until_refused(database) for _ in range(5)]) < 0.01


async def test_after_the_thaw_the_same_pool_answers_again(
    server: Embedded, database: Database
) -> None:
    with frozen(server):
        await asyncio.gather(*(seconds_until_refused(database) for _ in range(8)))
    async with asyncio.timeout(8):
        while True:
            with contextlib.suppress(Unavailable):
                assert await database.fetchval("SELECT 3") == 3
                return
            await asyncio.sleep(0.05)


async def test_a_cancelled_caller_gives_its_connection_back(
    server: Embedded, database: Database
) -> None:
    for _ in range(6):  # more than there are connections
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.execute("SELECT pg_sleep(10)")
    assert await database.fetchval("SELECT 4") == 4


async def test_a_migration_under_a_running_replica_costs_one_more_try(database: Database) -> None:
    async def read() -> list[str]:
        async with database.transaction() as connection:
            rows = await connection.fetch("SELECT * FROM t")
            return [key for row in rows for key in dict(row)]

    await database.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert await read() == ["a"]
    await database.execute("ALTER TABLE t ADD COLUMN b integer")
    with contextlib.suppress(Unavailable):
        await read()
    assert await read() == ["a", "b"]


async def test_a_connection_that_is_cut_in_the_middle_of_a_statement_was_unavailable(
    database: Database,
) -> None:
    """As in a process that stood still: an answer and the deadline are there at once."""

    async def asked() -> None:
        async with database.connection(deadline=0.2) as connection:
            asyncio.get_running_loop().call_soon(time.sleep, 0.5)
            await connection.fetch("SELECT 'prepared for the first time'")

    with pytest.raises(Unavailable):
        await asked()


async def write_and_be_cut(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("CREATE TABLE t ()")
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_g9_a_lost_answer_to_what_was_written_makes_unsure_once(database: Database) -> None:
    assert not database.take_unsure()
    with pytest.raises(Unavailable):
        await write_and_be_cut(database)
    assert database.take_unsure()
    assert not database.take_unsure()


@pytest.mark.parametrize(
    ("about", "writes"),
    [
        ("", False),
        ("-- Named queries begin by saying what they are for.\n-- In some lines.\n", False),
        ("WITH made AS (INSERT INTO t SELECT RETURNING 1)\n", True),
    ],
)
async def test_a_question_that_was_not_answered_leaves_nothing_unsure(
    database: Database, about: str, writes: bool
) -> None:
    await database.execute("CREATE TABLE IF NOT EXISTS t ()")
    with pytest.raises(Unavailable):
        await database.fetch(about + "SELECT pg_terminate_backend(pg_backend_pid())")
    assert database.take_unsure() is writes
