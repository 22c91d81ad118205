"""Lanes over a real Postgres: one replica pushes each, another takes over, all in order."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec import Raw

from cloud.access import Access
from cloud.client import CloudClient
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.errors import Overloaded
from hub.base.retention import Retention
from hub.edge.pusher import CloudPusher
from hub.edge.service import Bounds, EdgeService
from hub.edge.store import EdgeStore
from protocol.ids import ReplicaId
from tests.cloud import Cloud, stand_in_cloud
from tests.factories import make_principal
from tests.integration.hub.hubs import until
from tests.tasks import in_background

ONE, TWO = ReplicaId("r-1"), ReplicaId("r-2")
DEVICE = make_principal(None, kind="device", subject="d1")
AGEING = (
    "UPDATE aggregated SET received_at = now() - interval '100 days'",
    "UPDATE cloud_sync_queue SET created_at = now() - interval '100 days'",
    "UPDATE cloud_sync_queue SET finished_at = created_at, status = 'done'"
    " WHERE record_id = 'acme-0000'",
    "UPDATE cloud_sync_queue SET finished_at = created_at, status = 'dead'"
    " WHERE record_id = 'acme-0001'",
)
LEASE_ENDS = "UPDATE cloud_sync_lane SET lease_until = now() - interval '1 s'"


def make_service(database: Database, *, most: int = 10_000, is_pushed: bool = True) -> EdgeService:
    bounds = Bounds(most_pending=most, is_pushed=is_pushed)
    return EdgeService(
        EdgeStore(database), AuditService(AuditStore(database)), bounds, on_new=lambda: None
    )


def records(first: int, count: int, company: str = "acme") -> Sequence[Raw]:
    return [
        Raw(
            msgspec.json.encode(
                {
                    "id": f"{company}-{n:04}",
                    "kind": "bottle",
                    "companyId": company,
                    "ts": "2026-01-02T03:04:05Z",
                    "data": {"n": n},
                }
            )
        )
        for n in range(first, first + count)
    ]


@asynccontextmanager
async def pushing(database: Database, cloud: Cloud, replica: ReplicaId) -> AsyncGenerator[None]:
    """The pusher of one replica; it ends as in a crash."""
    client = CloudClient(Access(url=cloud.url, token="secret-token"), agent=replica)
    try:
        async with in_background(CloudPusher(EdgeStore(database), client, replica).run()):
            yield
    finally:
        await client.close()


async def test_a_lane_belongs_to_one_replica_until_its_lease_ends(database: Database) -> None:
    store = EdgeStore(database)
    await make_service(database).sync(DEVICE, records(0, 3))
    (claimed,) = await store.claim(ONE, 4)
    assert await store.claim(TWO, 4) == []
    await database.execute(LEASE_ENDS)
    assert [c.lane for c in await store.claim(TWO, 4)] == [claimed.lane]
    found = [item.id for item in await store.next(claimed.lane)]
    assert found == [f"acme-{n:04}" for n in range(3)]


async def test_two_replicas_push_each_record_once_and_in_order(database: Database) -> None:
    service = make_service(database)
    companies = [f"c{n}" for n in range(8)]
    async with stand_in_cloud() as cloud:
        async with pushing(database, cloud, ONE), pushing(database, cloud, TWO):
            for start in range(0, 300, 100):
                for company in companies:
                    await service.sync(DEVICE, records(start, 100, company))
            await cloud.until(2400)
        for company in companies:
            assert cloud.ids(f"/companies/{company}/bottles") == [
                f"{company}-{n:04}" for n in range(300)
            ]
        agents = {request.headers["user-agent"] for request in cloud.requests}
        assert agents == {ONE, TWO}


async def test_another_replica_goes_on_where_one_died(database: Database) -> None:
    service = make_service(database)
    async with stand_in_cloud() as cloud:
        await service.sync(DEVICE, records(0, 500))
        cloud.forgetful = True  # the first dies without having heard or noted anything
        async with pushing(database, cloud, ONE):
            await cloud.until(200)
        cloud.forgetful = False
        await database.execute(LEASE_ENDS)
        async with pushing(database, cloud, TWO):
            await cloud.until(500)

            async def drained() -> bool:
                return (await service.overview(DEVICE.org)).pending == 0

            await until(drained)
        assert cloud.ids() == [f"acme-{n:04}" for n in range(500)]


async def test_when_too_much_waits_nothing_more_is_taken(database: Database) -> None:
    service = make_service(database, most=10)
    await service.sync(DEVICE, records(0, 10))
    with pytest.raises(Overloaded):
        await service.sync(DEVICE, records(10, 1))
    again = await service.sync(DEVICE, records(0, 10))
    assert len(again.accepted) == 10
    await database.execute("DELETE FROM cloud_sync_queue")
    await service.look()
    assert (await service.sync(DEVICE, records(10, 1))).accepted == ["acme-0010"]


@pytest.mark.parametrize(("is_pushed", "left"), [(True, 1), (False, 0)])
async def test_what_is_old_goes_and_what_waits_for_a_cloud_stays(
    database: Database, is_pushed: bool, left: int
) -> None:
    service = make_service(database, is_pushed=is_pushed)
    await service.sync(DEVICE, records(0, 3))
    for statement in AGEING:
        await database.execute(statement)
    await service.clean_up(Retention())
    assert await database.fetchval("SELECT count(*) FROM aggregated") == 3  # the newest we know of
    await service.sync(DEVICE, records(9, 1))
    await database.execute(
        "UPDATE cloud_sync_queue SET finished_at = now(), status = 'done' "
        "WHERE record_id = 'acme-0009'"
    )
    await service.clean_up(Retention())
    overview = await service.overview(DEVICE.org)
    assert (overview.pending, overview.dead) == (left, 0)
    assert await database.fetchval("SELECT count(*) FROM cloud_sync_queue") == left + 1
    assert await database.fetchval("SELECT count(*) FROM aggregated") == left + 1
