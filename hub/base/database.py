"""Postgres, behind deadlines of our own: the only module besides the stores that sees asyncpg.

Whatever Postgres does (gone, frozen, starting, out of connections), a caller gets its answer or
`Unavailable` within `DEADLINE` seconds; asyncpg's own time-outs overshoot on a frozen server.
Data errors (a constraint, a bad value) are the caller's and pass through.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from hub.base.errors import ConfigurationError, Unavailable

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Row = asyncpg.Record

DEADLINE: Final = 2.5
"""Seconds: with Postgres down, accepting answers 503 within 3 s (promise G17)."""

_OUR_FAULT: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.TransactionRollbackError,  # a deadlock: everybody locks in order, but plans vary
)


class Database:
    """A pool of connections to one database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, *, connections: int) -> "Database":
        """Raises `ConfigurationError` when nothing answers at `url`."""
        try:
            async with asyncio.timeout(10):
                pool = await asyncpg.create_pool(
                    url,
                    min_size=min(2, connections),
                    max_size=connections,
                    command_timeout=None,
                    timeout=DEADLINE,
                    init=_prepare,
                )
        except (*_OUR_FAULT, asyncpg.PostgresError, ValueError) as error:
            raise ConfigurationError(
                f"Postgres does not answer at LONGLINE_DATABASE_URL: {_one_line(error)}"
            ) from None
        return cls(pool)

    @asynccontextmanager
    async def transaction(self, *, deadline: float = DEADLINE) -> AsyncGenerator[Connection]:
        """A transaction with a deadline over all of it. Raises `Unavailable`."""
        try:
            async with (
                asyncio.timeout(deadline),
                self._pool.acquire(timeout=deadline) as connection,
                connection.transaction(),
            ):
                yield connection
        except _OUR_FAULT as error:
            raise _unavailable(error) from error

    @asynccontextmanager
    async def connection(self, *, deadline: float = DEADLINE) -> AsyncGenerator[Connection]:
        """A connection outside a transaction, for single statements. Raises `Unavailable`."""
        try:
            async with (
                asyncio.timeout(deadline),
                self._pool.acquire(timeout=deadline) as connection,
            ):
                yield connection
        except _OUR_FAULT as error:
            raise _unavailable(error) from error

    async def fetch(self, query: str, *values: Any) -> list[Row]:
        async with self.connection() as connection:
            return await connection.fetch(query, *values)

    async def fetchrow(self, query: str, *values: Any) -> Row | None:
        async with self.connection() as connection:
            return await connection.fetchrow(query, *values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(query, *values)

    async def execute(self, query: str, *values: Any) -> None:
        async with self.connection() as connection:
            await connection.execute(query, *values)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def _prepare(connection: Any) -> None:
    """JSON travels as Python values; a UTC session makes dates in text unambiguous."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_to_json,
        decoder=msgspec.json.decode,
        format="text",
    )
    await connection.execute("SET timezone = 'UTC'")


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(f"the database does not answer ({type(error).__name__})", retry_after=2)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
