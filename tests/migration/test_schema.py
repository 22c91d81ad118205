"""schema.sql is the sum of the migrations, and a database that does not fit is refused."""

import asyncio
from typing import Any

import asyncpg
import pytest

import sql
from hub.base.database import Database
from hub.base.errors import ConfigurationError
from hub.base.migrate import migrate
from hub.base.roles import arrange
from protocol.ids import uuid7
from tests.integration.hub.conftest import Cluster

CATALOGUE = {
    "columns": """
        SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
               format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'schema_migration'""",
    "tables": """
        SELECT relname, relkind, reloptions, relrowsecurity, pg_get_partkeydef(oid),
               obj_description(oid)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND relname <> 'schema_migration'""",
    "indexes": """
        SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'schema_migration'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
          AND conrelid::regclass::text <> 'schema_migration'""",
    "policies": """
        SELECT tablename, policyname, roles, cmd, qual FROM pg_policies
        WHERE schemaname = 'public'""",
    "types": """
        SELECT typname, array_agg(enumlabel ORDER BY enumsortorder)::text[], obj_description(t.oid)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.oid, typname""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid), obj_description(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace""",
    "organisations": "SELECT org_id, name FROM org",
}


async def catalogue(url: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(url)
    try:
        return {
            what: sorted(map(tuple, await connection.fetch(query)), key=repr)
            for what, query in CATALOGUE.items()
        }
    finally:
        await connection.close()


@pytest.fixture
async def empty(cluster: Cluster) -> str:
    name = f"empty_{uuid7()}"
    await cluster.create(name)
    return cluster.owner_url(name)


async def test_the_schema_is_the_sum_of_the_migrations(cluster: Cluster) -> None:
    for name in ("by_schema", "by_migrations"):
        await cluster.create(name)
    database = await Database.open(cluster.owner_url("by_schema"), connections=1)
    async with database.connection() as connection:
        await connection.execute(sql.schema())
        await connection.execute("CREATE TABLE schema_migration ()")
        await arrange(connection)
    await database.close()
    database = await Database.open(cluster.owner_url("by_migrations"), connections=1)
    await migrate(database)
    await database.close()
    wanted = await catalogue(cluster.owner_url("by_schema"))
    found = await catalogue(cluster.owner_url("by_migrations"))
    for what, rows in wanted.items():
        assert rows, what
        assert found[what] == rows


async def test_each_migration_runs_once(empty: str) -> None:
    database = await Database.open(empty, connections=1)
    assert await migrate(database) == [name for name, _ in sql.migrations()]
    assert await migrate(database) == []
    await database.close()


async def test_replicas_that_start_together_take_turns(empty: str) -> None:
    databases = [await Database.open(empty, connections=2) for _ in range(4)]
    applied = await asyncio.gather(*(migrate(database) for database in databases))
    assert sorted(applied) == [[], [], [], [name for name, _ in sql.migrations()]]
    for database in databases:
        await database.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE schema_migration SET sha256 = 'other'", "was changed after it ran"),
        ("INSERT INTO schema_migration VALUES ('9999_later', 'x')", "newer than this program"),
    ],
)
async def test_a_database_of_another_program_is_refused(
    owner: Database, change: str, words: str
) -> None:
    await owner.execute(change)
    with pytest.raises(ConfigurationError, match=words):
        await migrate(owner)


async def test_a_migration_that_fails_leaves_nothing(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = [("0001_good", "CREATE TABLE a ()"), ("0002_bad", "CREATE TABLE b (); SELECT 1/0")]
    monkeypatch.setattr(sql, "migrations", lambda: scripts)
    monkeypatch.setattr(sql, "grants", lambda: "SELECT 1")
    monkeypatch.setattr(sql, "tenant_grants", lambda: "SELECT 1")
    database = await Database.open(empty, connections=1)
    with pytest.raises(ConfigurationError, match="0002_bad failed"):
        await migrate(database)
    assert await database.fetchval("SELECT to_regclass('a') IS NOT NULL")
    assert await database.fetchval("SELECT to_regclass('b') IS NULL")
    scripts[1] = ("0002_bad", "CREATE TABLE b ()")
    assert await migrate(database) == ["0002_bad"]
    await database.close()
