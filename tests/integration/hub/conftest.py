"""One embedded Postgres for the session, and a fresh database for each test that asks for one:
copied from a template that was migrated once. `database` is signed in as a hub is: what it may not
do, the tests find."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

import sql
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.embedded import Embedded
from hub.base.migrate import migrate_at
from hub.base.partitions import make
from hub.base.retention import Retention
from hub.telemetry.store import TelemetryStore
from hub.telemetry.upkeep import TelemetryUpkeep

TEMPLATE = "template_of_tests"
_numbers = itertools.count()


class Cluster:
    """A Postgres server and the addresses of its databases."""

    def __init__(self, embedded: Embedded) -> None:
        self._url, self._owner_url = embedded.database_url, embedded.owner_url

    def url(self, database: str) -> str:
        """For serving."""
        return self._url.replace("/longline?", f"/{database}?")

    def owner_url(self, database: str) -> str:
        """For migrations, and for what tests do to tables."""
        return self._owner_url.replace("/longline?", f"/{database}?")

    def superuser_url(self, database: str) -> str:
        return self.owner_url(database).replace("longline@", "postgres@")

    async def create(self, database: str, template: str = "template0") -> None:
        await self.as_superuser(
            f'CREATE DATABASE "{database}" TEMPLATE "{template}" OWNER longline'
        )
        # No template hands its settings on.
        connection = await asyncpg.connect(self.superuser_url(database))
        await connection.execute(sql.queries("roles")["plan_once"])
        await connection.close()

    async def as_superuser(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.superuser_url("postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


async def prepare(cluster: Cluster) -> None:
    await cluster.create(TEMPLATE)
    await migrate_at(cluster.owner_url(TEMPLATE))
    database = await Database.open(cluster.url(TEMPLATE), connections=1)
    telemetry = TelemetryUpkeep(TelemetryStore(database)).partitioned(Retention())
    await make(database, [*telemetry, *AuditService(AuditStore(database)).partitioned(days=400)])
    await database.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    embedded = Embedded(Path(tmp_path_factory.mktemp("cluster")))
    with asyncio.Runner() as runner:
        runner.run(embedded.start())
        cluster = Cluster(embedded)
        runner.run(prepare(cluster))
        yield cluster
        runner.run(embedded.stop())


@pytest_asyncio.fixture
async def database_name(cluster: Cluster) -> str:
    name = f"test_{next(_numbers)}"
    await cluster.create(name, TEMPLATE)
    return name


@pytest.fixture
def database_url(cluster: Cluster, database_name: str) -> str:
    return cluster.url(database_name)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    database = await Database.open(database_url, connections=8)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def owner(cluster: Cluster, database_name: str) -> AsyncGenerator[Database]:
    """The same database for who owns its tables: what a hub may not do to it."""
    database = await Database.open(cluster.owner_url(database_name), connections=4)
    yield database
    await database.close()
