"""One embedded Postgres for the session, and a fresh database for each test that asks for one:
copied from a template that was migrated once."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.embedded import Embedded
from hub.base.migrate import migrate
from hub.base.partitions import make
from hub.base.retention import Retention
from hub.telemetry.service import TelemetryService
from hub.telemetry.store import TelemetryStore
from hub.telemetry.stream import StreamWriter
from protocol.ids import ReplicaId
from tests.integration.hub.hubs import NoStream, show_nobody

TEMPLATE = "template_of_tests"
_numbers = itertools.count()


class Cluster:
    """A Postgres server and the addresses of its databases."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("longline@", "postgres@")

    def url(self, database: str) -> str:
        return self._url.replace("/longline?", f"/{database}?")

    async def create(self, database: str, template: str = "template0") -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        finally:
            await connection.close()


async def prepare(cluster: Cluster) -> None:
    await cluster.create(TEMPLATE)
    database = await Database.open(cluster.url(TEMPLATE), connections=1)
    await migrate(database)
    stream = StreamWriter(NoStream(), ReplicaId("r"), show=show_nobody, unavailable=ConnectionError)
    await TelemetryService(TelemetryStore(database), stream).make_room(Retention())
    await make(database, AuditService(AuditStore(database)).partitioned(days=400))
    await database.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    embedded = Embedded(Path(tmp_path_factory.mktemp("cluster")))
    with asyncio.Runner() as runner:
        runner.run(embedded.start())
        cluster = Cluster(embedded.database_url)
        runner.run(prepare(cluster))
        yield cluster
        runner.run(embedded.stop())


@pytest_asyncio.fixture
async def database_url(cluster: Cluster) -> str:
    name = f"test_{next(_numbers)}"
    await cluster.create(name, TEMPLATE)
    return cluster.url(name)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    database = await Database.open(database_url, connections=8)
    yield database
    await database.close()
