"""No statement that reads touches more pages than its answer needs, in a database with a million
rows: a plan that goes through a history is found by what it reads, not by how long it takes."""

import json
import re
from collections.abc import Generator
from importlib.resources import files
from typing import Any

import sql
from hub.base.database import OF_ONE_ORG, Connection, Database
from tests.integration.hub.conftest import TEMPLATE, Cluster
from tests.integration.hub.counts.million import fill
from tests.integration.hub.counts.reads import CHANGING, READS, Read

_WRITES = re.compile(r"\b(INSERT INTO|(?<!FOR )UPDATE \w+|DELETE FROM)\b")


def _named_reads() -> Generator[str]:
    for file in sorted(entry.name for entry in (files(sql) / "queries").iterdir()):
        capability = file.removesuffix(".sql")
        for name, text in sql.queries(capability).items():
            code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
            if code.startswith(("SELECT", "WITH")) and not _WRITES.search(code):
                yield f"{capability}.{name}"


def test_every_named_read_has_a_bound() -> None:
    assert set(_named_reads()) - CHANGING <= {read.statement for read in READS}


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


async def test_no_read_touches_more_pages_than_its_answer_needs(cluster: Cluster) -> None:
    """One test, for it fills a database."""
    await cluster.create("million", TEMPLATE)
    owner = await Database.open(cluster.owner_url("million"), connections=1)
    await fill(owner)
    await owner.close()
    database = await Database.open(cluster.url("million"), connections=1)
    async with database.connection(deadline=120) as connection:
        counted = {read: await _pages(connection, read) for read in READS}
    await database.close()
    await cluster.as_superuser('DROP DATABASE "million"')
    over = [
        f"{read.statement} ({read.case}): {pages} pages, {read.pages} do"
        for read, pages in counted.items()
        if pages > read.pages
    ]
    assert not over, "\n".join(over)
