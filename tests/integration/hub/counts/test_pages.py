"""No statement that reads touches more pages than its answer needs, in a database with a million
rows: a plan that goes through a history is found by what it reads, not by how long it takes."""

import itertools
import json
import re
from collections.abc import AsyncGenerator, Generator
from importlib.resources import files
from typing import Any

import pytest
import pytest_asyncio

import sql
from hub.base.database import OF_A_SCOPE, OF_ONE_ORG, Connection, Database
from tests.integration.hub.conftest import TEMPLATE, Cluster
from tests.integration.hub.counts.million import fill
from tests.integration.hub.counts.reads import CHANGING, READS, WALKING, Read

_WRITES = re.compile(r"\b(INSERT INTO|(?<!FOR )UPDATE \w+|DELETE FROM)\b")


def _named_reads() -> Generator[str]:
    for file in sorted(entry.name for entry in (files(sql) / "queries").iterdir()):
        capability = file.removesuffix(".sql")
        for name, text in sql.queries(capability).items():
            code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
            if code.startswith(("SELECT", "WITH")) and not _WRITES.search(code):
                yield f"{capability}.{name}"


def test_every_named_read_has_a_bound() -> None:
    assert set(_named_reads()) - CHANGING - WALKING <= {read.statement for read in READS}


async def _plan(connection: Connection, read: Read) -> dict[str, Any]:
    """With everything it reads in memory: the first run also sets hints on rows."""
    capability, name = read.statement.split(".")
    await connection.execute(f"PREPARE read AS {sql.queries(capability)[name]}")
    values = f"({read.values})" if read.values else ""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE read{values}"
    try:
        await connection.execute(explain)
        return json.loads(await connection.fetchval(explain))[0]["Plan"]
    finally:
        await connection.execute("DEALLOCATE read")


async def _pages(connection: Connection, read: Read) -> int:
    transaction = connection.transaction()
    await transaction.start()
    capability, name = read.statement.split(".")
    try:
        if name in sql.of_one_organisation(capability):
            await connection.execute(OF_ONE_ORG, "default")
        plan = await _plan(connection, read)
    finally:
        await transaction.rollback()
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def million(cluster: Cluster) -> AsyncGenerator[Database]:
    """A database that is full."""
    await cluster.create("million", TEMPLATE)
    owner = await Database.open(cluster.owner_url("million"), connections=1)
    await fill(owner)
    await owner.close()
    database = await Database.open(cluster.url("million"), connections=1)
    yield database
    await database.close()
    await cluster.as_superuser('DROP DATABASE "million"')


@pytest.mark.asyncio(loop_scope="module")
async def test_no_read_touches_more_pages_than_its_answer_needs(million: Database) -> None:
    async with million.connection(deadline=120) as connection:
        counted = {read: await _pages(connection, read) for read in READS}
    over = [
        f"{read.statement} ({read.case}): {pages} pages, {read.pages} do"
        for read, pages in counted.items()
        if pages > read.pages
    ]
    assert not over, "\n".join(over)


_numbers = itertools.count()
_CONDITION = re.compile(r"\b(\w+\.)?org_id = \$1\b")
OF_NO_ORG = {
    "groups.members_of_each",  # each group that was asked for, without members
    "rights.not_members",  # those of the users that were asked for who are no members
    "rights.lock_roles",
    "campaigns.now",
}
"""They answer what they were given."""


async def _seen(connection: Connection, read: Read, of: tuple[Any, ...]) -> list[Any]:
    """What a read sees of others that forgets to ask for one organisation, as somebody else."""
    capability, name = read.statement.split(".")
    forgetful = f"forgetful_{next(_numbers)}"  # asyncpg remembers the columns of a name
    transaction = connection.transaction()
    await transaction.start()
    try:
        text = _CONDITION.sub("$1::text IS NOT NULL", sql.queries(capability)[name])
        await connection.execute(*of)
        await connection.execute(f"PREPARE {forgetful} AS {text}")
        values = f"({read.values})" if read.values else ""
        rows = await connection.fetch(f"EXECUTE {forgetful}{values}")
        await connection.execute(f"DEALLOCATE {forgetful}")
        return [value for row in rows for value in row.values() if value]
    finally:
        await transaction.rollback()


def _of_an_organisation() -> Generator[Read]:
    for read in READS:
        capability, name = read.statement.split(".")
        if name in sql.of_one_organisation(capability) and read.statement not in OF_NO_ORG:
            yield read


@pytest.mark.asyncio(loop_scope="module")
async def test_a_read_that_forgets_its_condition_sees_nothing_of_another_organisation(
    million: Database,
) -> None:
    async with million.connection(deadline=120) as connection:
        seen = {
            f"{read.statement} {read.case}": found[:3]
            for read in _of_an_organisation()
            if (found := await _seen(connection, read, (OF_ONE_ORG, "another")))
        }
    assert seen == {}


OF_DEVICES = {
    "audit", "campaigns", "commands", "config", "desired", "devices", "groups", "history",
    "telemetry",
}  # fmt: skip
OF_NO_DEVICE = {
    "campaigns.member_name",
    "commands.channel_of",
    "config.schemas",
    "desired.pinned_artifacts",
    "groups.is_scope",
    "groups.has_defaults",
}


@pytest.mark.asyncio(loop_scope="module")
async def test_who_has_rights_over_no_device_sees_none_in_any_read(million: Database) -> None:
    scope: tuple[Any, ...] = (OF_A_SCOPE, "default", list[str](), list[str](), "stranger")
    async with million.connection(deadline=120) as connection:
        seen = {
            f"{read.statement} {read.case}": found[:3]
            for read in _of_an_organisation()
            if read.statement.split(".")[0] in OF_DEVICES
            and read.statement not in OF_NO_DEVICE
            and (found := await _seen(connection, read, scope))
        }
    assert seen == {}
