"""Counts what goes to Postgres, what goes to a transport, and which tasks are made."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

import asyncpg
from asyncpg.connection import LoggedQuery

_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Sent:
    """What was sent to Postgres."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.copies: list[str] = []

    def logged(self, query: LoggedQuery) -> None:
        self.queries.append(query.query.strip())

    def clear(self) -> None:
        self.queries.clear()
        self.copies.clear()

    async def settle(self) -> "Sent":
        """Everything that was sent is in here now: asyncpg tells on the next turn of the loop."""
        await asyncio.sleep(0)
        return self

    @property
    def statements(self) -> list[str]:
        return [query for query in self.queries if not query.upper().startswith(_CONTROL)]

    @property
    def transactions(self) -> int:
        return sum(query.upper().startswith("BEGIN") for query in self.queries)

    def __repr__(self) -> str:
        """For a failing test: what it was."""
        first = [" ".join(query.split())[:90] for query in self.queries]
        return "\n".join([*first, *(f"COPY {table}" for table in self.copies)])


if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection


class CountingConnection(_Connection):
    sent: ClassVar[Sent]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.add_query_logger(self.sent.logged)

    async def copy_to_table(self, table_name: str, **options: Any) -> str:
        self.sent.copies.append(table_name)
        return await super().copy_to_table(table_name, **options)


class Transport(asyncio.Transport):
    """Takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


@contextmanager
def tasks_made() -> Generator[list[str]]:
    """The names of the tasks that are made meanwhile."""
    loop = asyncio.get_running_loop()
    made: list[str] = []

    def make(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> "asyncio.Task[Any]":
        made.append(repr(work))
        return asyncio.Task(work, loop=loop, **options)

    loop.set_task_factory(cast("Any", make))
    try:
        yield made
    finally:
        loop.set_task_factory(None)
