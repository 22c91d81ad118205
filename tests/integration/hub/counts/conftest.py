"""A database that counts what is sent to it."""

from collections.abc import AsyncGenerator
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from hub.base.database import Database
from tests.integration.hub.counts.counting import CountingConnection, Sent


@pytest_asyncio.fixture
async def sent(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Sent]:
    found = CountingConnection.sent = Sent()
    open_pool = partial(asyncpg.create_pool, connection_class=CountingConnection)
    monkeypatch.setattr(asyncpg, "create_pool", open_pool)
    yield found


@pytest_asyncio.fixture
async def database(sent: Sent, database_url: str) -> AsyncGenerator[Database]:
    """One connection: each asks about types of its own at first, and that would be counted."""
    database = await Database.open(database_url, connections=1)
    yield database
    await database.close()
