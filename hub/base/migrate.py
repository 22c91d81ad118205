"""Migrations: numbered SQL files, each run once in a transaction of its own.

`schema_migration` remembers name and SHA-256; a file that was changed after it ran is an error.
An advisory lock makes replicas that start together take turns. Afterwards `hub/base/roles.py` says
whose the tables are, and what the hub may do with them.
"""

import asyncio
import hashlib
from typing import Final

import asyncpg

import sql
from hub.base.database import OPEN_SECONDS, Connection, Database
from hub.base.errors import ConfigurationError
from hub.base.roles import arrange

_LOCK: Final = 0x10E61  # any number, as long as it stays the same
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
_MINUTES: Final = 600.0
_BY_THE_OWNER: Final = "run longline migrate with the address of the login that owns the tables"
_MEMBER: Final = "make the login a member of longline_hub, and run longline migrate as the owner"


async def migrate(database: Database) -> list[str]:
    """Apply what is missing, and give each role what is its own; the names of what was applied, in
    order.

    Raises `ConfigurationError` when the database and these files do not belong together, or when
    this login may not do it.
    """
    applied: list[str] = []
    async with database.connection(deadline=_MINUTES) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        try:
            await connection.execute(_TABLE)
            for name, script in await _missing(connection):
                await _apply(connection, name, script)
                applied.append(name)
            await arrange(connection)
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(f"{error}: {_BY_THE_OWNER}") from None
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    return applied


async def migrate_at(url: str) -> list[str]:
    """The same for the database at `url`."""
    database = await Database.open(url, connections=1)
    try:
        return await asyncio.shield(migrate(database))
    finally:
        await database.close()


async def bring_up_to_date(database: Database) -> None:
    """For whoever is about to serve: nothing when nothing is missing, so that the login that serves
    need not own the tables. Raises `ConfigurationError` as `migrate` does."""
    if await pending(database):
        await migrate(database)


async def pending(database: Database) -> list[str]:
    """The names of what `migrate` would apply. Raises `ConfigurationError` as it does."""
    async with database.connection(deadline=OPEN_SECONDS) as connection:
        if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
            return [name for name, _ in sql.migrations()]
        try:
            return [name for name, _ in await _missing(connection)]
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(f"{error}: {_MEMBER}") from None


async def _missing(connection: Connection) -> list[tuple[str, str]]:
    known = {
        str(row["name"]): str(row["sha256"])
        for row in await connection.fetch("SELECT name, sha256 FROM schema_migration")
    }
    files = sql.migrations()
    newer = set(known) - {name for name, _ in files}
    if newer:
        raise ConfigurationError(
            f"the database is newer than this program (migration {max(newer)}): upgrade longline"
        )
    for name, script in files:
        if known.get(name, _digest(script)) != _digest(script):
            raise ConfigurationError(f"migration {name} was changed after it ran")
    return [(name, script) for name, script in files if name not in known]


async def _apply(connection: Connection, name: str, script: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(script)
            await connection.execute(
                "INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)", name, _digest(script)
            )
    except asyncpg.PostgresError as error:
        raise ConfigurationError(f"migration {name} failed: {error}") from error


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
