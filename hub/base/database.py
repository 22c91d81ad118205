"""Postgres, behind deadlines of our own: the only module besides the stores that sees asyncpg.

Whatever Postgres does (gone, frozen, starting, out of connections), a caller gets its answer or
`Unavailable` within `DEADLINE` seconds; asyncpg's own time-outs overshoot on a frozen server. After
some failures in a row calls are refused at once, but for one that tries now and then.
Data errors (a constraint, a bad value) are the caller's and pass through.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from hub.base.breaker import Breaker
from hub.base.errors import ConfigurationError, Forbidden, Unavailable
from hub.base.holding import Reach
from protocol.ids import OrgId

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Row = asyncpg.Record

OUTSIDE: Final = "this is outside of what you may see or change"
DEADLINE: Final = 2.5
"""Seconds: with Postgres down, accepting answers 503 within 3 s (promise G17)."""
OPEN_SECONDS: Final = 10.0
RELEASE_SECONDS: Final = 0.5
"""How long a connection whose user was cancelled may take to become clean again."""
OF_ONE_ORG: Final = """
SELECT set_config('role', CASE WHEN pg_has_role(session_user, to_regrole('longline_app'), 'SET')
                               THEN 'longline_app' ELSE 'none' END, true),
       set_config('longline.org', $1, true)"""
"""Until the end of the transaction, so that a pooler in between changes nothing. A login that may
not become `longline_app` keeps the rights it has."""

OF_A_SCOPE: Final = """
SELECT set_config('role', 'longline_scoped', true), set_config('longline.org', $1, true),
       set_config('longline.groups', $2::text[]::text, true),
       set_config('longline.devices', $3::text[]::text, true),
       set_config('longline.caller', $4, true)"""
"""The same of these groups and devices only, and what is this user's own. A login that may not
become `longline_scoped` gets an error: it would see too much."""

_OUR_FAULT: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was cut under way
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ReadOnlySQLTransactionError,  # a managed server changes its primary
)


_AGAIN: Final = (
    asyncpg.TransactionRollbackError,  # a deadlock: everybody locks in order, but plans vary
    asyncpg.InvalidCachedStatementError,  # a newer replica has migrated under us
    asyncpg.OutdatedSchemaCacheError,
)
"""The database is well: the same again goes through."""


_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar(
    "after_commit", default=None
)


class _Limit(msgspec.Struct, frozen=True):
    reach: Reach
    caller: str


_limits: ContextVar[_Limit | None] = ContextVar("limits", default=None)


@contextmanager
def limited_to(reach: Reach | None, caller: str) -> Generator[None]:
    """Within, every transaction of one organisation sees and changes what is of these devices, and
    of no others: whatever a statement forgets to ask. None is no limit. `caller` is the user who
    sees what is their own besides."""
    token = _limits.set(None if reach is None else _Limit(reach, caller))
    try:
        yield
    finally:
        _limits.reset(token)


@asynccontextmanager
async def beyond_scope(connection: Connection, org: OrgId) -> AsyncGenerator[None]:
    """In a transaction of one organisation: within, statements see all of it, also where the caller
    sees some devices only. For what follows from a change, and is shown to nobody."""
    limit = _limits.get()
    if limit is None:
        yield
        return
    await connection.execute(OF_ONE_ORG, org)
    yield
    await _limit(connection, org, limit)


class Raced(Exception):
    """What was read is not enough to write: somebody else was faster, or it takes a lock. Again."""


def after_commit(call: Callable[[], None]) -> None:
    """Have `call` called when the transaction of this task has committed, and not when it has not;
    at once outside of one. A process that dies in between calls nobody."""
    calls = _after_commit.get()
    if calls is None:
        call()
    else:
        calls.append(call)


class PoolUse(NamedTuple):
    connections: int
    busy: int
    most: int


class Database:
    """A pool of connections to one database."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._breaker = Breaker()
        self._unsure = False

    @classmethod
    async def open(cls, url: str, *, connections: int) -> "Database":
        """Raises `ConfigurationError` when nothing answers at `url`."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                pool = await asyncpg.create_pool(
                    url,
                    min_size=min(2, connections),
                    max_size=connections,
                    command_timeout=None,
                    timeout=DEADLINE,
                    max_cached_statement_lifetime=0,  # for ever: there are few, all ours
                    init=_prepare,
                    reset=_nothing_to_reset,
                    server_settings={"timezone": "UTC"},  # dates in text are unambiguous
                )
        except (*_OUR_FAULT, asyncpg.PostgresError, ValueError) as error:
            raise ConfigurationError(
                f"Postgres does not answer at LONGLINE_DATABASE_URL: {_one_line(error)}"
            ) from None
        return cls(pool)

    @asynccontextmanager
    async def connection(
        self, *, deadline: float = DEADLINE, query: str = ""
    ) -> AsyncGenerator[Connection]:
        """A connection outside a transaction, for single statements; `query` is the only one, where
        it is known. Raises `Unavailable`: what was written may be committed all the same."""
        if not self._breaker.admits(self._clock()):
            raise Unavailable("the database is not used for a moment after failures", retry_after=2)
        borrowed = False
        try:
            async with self._borrowed(deadline) as connection:
                borrowed = True
                yield connection
        except _AGAIN as error:
            raise _unavailable(error) from error
        except _OUR_FAULT as error:
            self._breaker.failed(self._clock())
            self._unsure |= borrowed and _may_write(query)
            raise _unavailable(error) from error
        self._breaker.succeeded()

    @asynccontextmanager
    async def transaction(
        self, *, deadline: float = DEADLINE, query: str = ""
    ) -> AsyncGenerator[Connection]:
        """A transaction with a deadline over all of it; `query` is its only statement, where that
        is known. What `after_commit` was given within it is called when it has committed. Raises
        `Unavailable`."""
        token = _after_commit.set(calls := [])
        borrowed = self.connection(deadline=deadline, query=query)
        try:
            async with borrowed as connection, connection.transaction():
                yield connection
        finally:
            _after_commit.reset(token)
        for call in calls:
            call()

    def tenant(self, org: OrgId) -> "Tenant":
        """The same database, as `org` sees it."""
        return Tenant(self, org)

    def take_unsure(self) -> bool:
        """Whether the answer to something that was written has been lost since the last call: it
        may be committed, and then nobody has been told of it."""
        unsure, self._unsure = self._unsure, False
        return unsure

    @asynccontextmanager
    async def _borrowed(self, deadline: float) -> AsyncGenerator[Connection]:
        """At the deadline the connection is cut: a polite cancel, and the rollback after it, would
        wait for a frozen server."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        async with asyncio.timeout_at(until):
            connection = await self._pool.acquire()
        cut = loop.call_at(until, _cut, connection)
        try:
            yield connection
        except AttributeError as error:  # asyncpg's, when it is cut between steps of a statement
            if loop.time() < until:
                raise
            raise TimeoutError("the connection was cut") from error
        finally:
            try:
                await self._pool.release(connection, timeout=RELEASE_SECONDS)
            finally:
                cut.cancel()

    async def fetch(self, query: str, *values: Any) -> list[Row]:
        async with self.connection(query=query) as connection:
            return await connection.fetch(query, *values)

    async def fetchrow(self, query: str, *values: Any) -> Row | None:
        async with self.connection(query=query) as connection:
            return await connection.fetchrow(query, *values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        async with self.connection(query=query) as connection:
            return await connection.fetchval(query, *values)

    async def execute(self, query: str, *values: Any) -> None:
        async with self.connection() as connection:
            await connection.execute(query, *values)

    def use(self) -> PoolUse:
        """Of the pool, at this moment."""
        size = self._pool.get_size()
        return PoolUse(size, size - self._pool.get_idle_size(), self._pool.get_max_size())

    async def close(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


class Tenant:
    """What is of one organisation: each call is a transaction as `longline_app`, in which no row of
    another is seen, changed or made, whatever its statements ask (row-level security). Within
    `limited_to` it is one as `longline_scoped`. Raises `Forbidden` for what is outside of that."""

    def __init__(self, database: Database, org: OrgId) -> None:
        self._database = database
        self._org = org

    @asynccontextmanager
    async def transaction(
        self, *, deadline: float = DEADLINE, query: str = ""
    ) -> AsyncGenerator[Connection]:
        """As `Database.transaction`."""
        limit = _limits.get()
        opened = self._database.transaction(deadline=deadline, query=query)
        try:
            async with opened as connection:
                if limit is None:
                    await connection.execute(OF_ONE_ORG, self._org)
                else:
                    await _limit(connection, self._org, limit)
                yield connection
        except asyncpg.InsufficientPrivilegeError as error:
            if limit is None:
                raise
            raise Forbidden(OUTSIDE) from error

    async def fetch(self, query: str, *values: Any) -> list[Row]:
        async with self.transaction(query=query) as connection:
            return await connection.fetch(query, *values)

    async def fetchrow(self, query: str, *values: Any) -> Row | None:
        async with self.transaction(query=query) as connection:
            return await connection.fetchrow(query, *values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        async with self.transaction(query=query) as connection:
            return await connection.fetchval(query, *values)

    async def execute(self, query: str, *values: Any) -> None:
        async with self.transaction() as connection:
            await connection.execute(query, *values)


async def _limit(connection: Connection, org: OrgId, limit: _Limit) -> None:
    groups, devices = list(limit.reach.groups), list(limit.reach.devices)
    await connection.execute(OF_A_SCOPE, org, groups, devices, limit.caller)


def _may_write(query: str) -> bool:
    """As far as its first word tells, behind what it says of itself in comments."""
    words = (line for line in query.splitlines() if not line.startswith("--"))
    return not next(words, "").startswith("SELECT")


async def _prepare(connection: Any) -> None:
    """JSON travels as Python values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_to_json,
        decoder=msgspec.json.decode,
        format="text",
    )


def _cut(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # released at this very moment
        connection.terminate()


async def _nothing_to_reset(_: Any) -> None:
    """Nobody leaves anything behind in a session: asyncpg's own clean-up would cost every borrower
    one more round trip."""


def as_json(rows: Iterable[object]) -> str:
    """Rows for `json_to_recordset`: dicts or structs with the names of its columns, bytes `hexed`.
    Arrays for `unnest` cost three times the CPU, because asyncpg looks at each element. Where they
    are joined with a table a `LIMIT json_array_length` tells the planner how few they are: it takes
    them for a hundred, and would rather read the whole table."""
    return _to_json(list(rows))


def hexed(value: bytes) -> str:
    """As Postgres reads a `bytea`."""
    return f"\\x{value.hex()}"


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(f"the database does not answer ({type(error).__name__})", retry_after=2)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
