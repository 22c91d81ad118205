"""Lanes over a real Postgres: one replica pushes each, another takes over, all in order."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest
import pytest_asyncio
from msgspec import Raw

from cloud.access import Access
from cloud.bounded import MOST_BYTES
from cloud.client import CloudClient
from cloud.outward import WayOut
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.errors import Overloaded, TooManyRequests
from hub.base.job_runner import JobRunner
from hub.base.job_store import JobStore
from hub.base.jobs import HeldJob, Room
from hub.base.present import bring_to_present
from hub.base.principal import Principal
from hub.base.retention import Retention
from hub.edge.pusher import CloudPusher
from hub.edge.pushing import LANE, LEASE_SECONDS, Lane, Settlement
from hub.edge.service import Bounds, EdgeService, Which
from hub.edge.store import EdgeStore
from hub.telemetry.writer import TelemetryWriter
from protocol.answers import WEB_PAGE
from protocol.dashboard import AlertEvent
from protocol.ids import OrgId, ReplicaId
from tests.cloud import Cloud, Reply, stand_in_cloud
from tests.factories import make_principal
from tests.integration.hub.hubs import until
from tests.tasks import in_background

ONE, TWO = ReplicaId("r-1"), ReplicaId("r-2")
DEVICE = make_principal(None, kind="device", subject="d-acme")
ACME = Lane(DEVICE.org, "acme")
AGEING = (
    "UPDATE aggregated SET received_at = now() - interval '100 days'",
    "UPDATE cloud_sync_queue SET created_at = now() - interval '100 days'",
    "UPDATE cloud_sync_queue SET finished_at = created_at, status = 'done'"
    " WHERE record_id = 'acme-0000'",
    "UPDATE cloud_sync_queue SET finished_at = created_at, status = 'dead'"
    " WHERE record_id = 'acme-0001'",
)
PORTAL = Reply(200, b"<html>Please accept the terms</html>", {"Content-Type": "text/html"})
ENROLL = "INSERT INTO device (org_id, device_id, name, company_id) VALUES ($1, $2, $2, $3)"
LEASE_ENDS = "UPDATE job SET lease_until = now() - interval '1 s' WHERE holder IS NOT NULL"


def device_of(company: str) -> Principal:
    return make_principal(None, kind="device", subject=f"d-{company}")


@pytest_asyncio.fixture
async def database(database: Database) -> Database:
    """With a device of each company."""
    for company in ("acme", *(f"c{n}" for n in range(8))):
        who = device_of(company)
        await database.execute(ENROLL, who.org, who.subject, company)
    return database


def make_service(
    database: Database, *, most: int = 10_000, share: int = 10_000, is_pushed: bool = True
) -> EdgeService:
    bounds = Bounds(most_pending=most, share=share, is_pushed=is_pushed)
    return EdgeService(
        EdgeStore(database), AuditService(AuditStore(database)), bounds, on_new=lambda: None
    )


def records(first: int, count: int, company: str = "acme", kind: str = "bottle") -> Sequence[Raw]:
    return [
        Raw(
            msgspec.json.encode(
                {
                    "id": f"{company}-{n:04}",
                    "kind": kind,
                    "companyId": company,
                    "ts": "2026-01-02T03:04:05Z",
                    "data": {"n": n},
                }
            )
        )
        for n in range(first, first + count)
    ]


async def claim(database: Database, replica: ReplicaId) -> list[HeldJob]:
    """The lanes that a replica takes now."""
    found = await JobStore(database, replica).claim([Room(LANE, 4, LEASE_SECONDS)])
    return [each.job for each in found]


class Heard:
    """What dashboards would be told."""

    def __init__(self) -> None:
        self.alerts: list[AlertEvent] = []

    def alert(self, org: OrgId, event: AlertEvent) -> None:
        assert org == DEVICE.org
        self.alerts.append(event)

    def now(self) -> str:
        return "2026-01-02T03:04:05.678Z"


@asynccontextmanager
async def pushing(
    database: Database, cloud: Cloud, replica: ReplicaId, heard: "Heard | None" = None
) -> AsyncGenerator[None]:
    """The pusher of one replica; it ends as in a crash."""
    client = CloudClient(
        Access(url=cloud.url, token="secret-token"), agent=replica, way_out=WayOut()
    )
    pusher = CloudPusher(
        EdgeStore(database), client, cast("TelemetryWriter", heard or Heard()),
        wake_jobs=lambda: runner.wake(),
    )  # fmt: skip
    runner = JobRunner(JobStore(database, replica), pusher.kinds)
    await runner.prepare()
    try:
        async with in_background(pusher.run(), runner.run()):
            yield
    finally:
        await client.close()


async def test_a_lane_belongs_to_one_replica_until_its_lease_ends(database: Database) -> None:
    store = EdgeStore(database)
    await make_service(database).sync(DEVICE, records(0, 3))
    (job,) = await claim(database, ONE)
    assert await claim(database, TWO) == []
    await database.execute(LEASE_ENDS)
    assert [each.job_id for each in await claim(database, TWO)] == [job.job_id]
    found = [each.item.id for each in await store.next(ACME)]
    assert found == [f"acme-{n:04}" for n in range(3)]


async def test_two_replicas_push_each_record_once_and_in_order(database: Database) -> None:
    service = make_service(database)
    companies = [f"c{n}" for n in range(8)]
    for company in companies:
        await service.sync(device_of(company), records(0, 100, company))
    async with stand_in_cloud() as cloud:
        async with pushing(database, cloud, ONE), pushing(database, cloud, TWO):
            for start in (100, 200):
                for company in companies:
                    await service.sync(device_of(company), records(start, 100, company))
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


async def test_a_portals_page_is_not_the_clouds_word(database: Database) -> None:
    service = make_service(database)
    async with stand_in_cloud() as cloud:
        cloud.script.extend([PORTAL] * 2)
        await service.sync(DEVICE, records(0, 3))
        async with pushing(database, cloud, ONE):

            async def doubted() -> bool:
                overview = await service.overview(DEVICE.org)
                return overview.error == WEB_PAGE and overview.pending == 3

            await until(doubted)
            await cloud.until(3)
        assert cloud.ids() == [f"acme-{n:04}" for n in range(3)]


def of_kind(ident: str, kind: str) -> Raw:
    return Raw(
        msgspec.json.encode(
            {"id": ident, "kind": kind, "companyId": "acme", "ts": "2026-01-02T03:04:05Z"}
        )
    )


async def test_a_fixation_never_goes_before_its_batch(database: Database) -> None:
    service = make_service(database)
    async with stand_in_cloud() as cloud:
        # The cloud fixates a batch that it has, and no other.
        cloud.refuse = lambda item: item["id"].replace("fx", "ba") not in [item["id"], *cloud.ids()]
        async with pushing(database, cloud, ONE), pushing(database, cloud, TWO):
            for n in range(30):
                cloud.script.extend([Reply(503)] if n % 10 == 0 else [])
                pair = [of_kind(f"ba-{n}", "batch"), of_kind(f"fx-{n}", "fixation")]
                await service.sync(DEVICE, pair)
            await cloud.until(60)
        assert cloud.ids() == [f"{what}-{n}" for n in range(30) for what in ("ba", "fx")]
        assert (await service.overview(DEVICE.org)).dead == 0


async def test_a_refused_record_waits_behind_an_older_one_that_was_put_back(
    database: Database,
) -> None:
    service, store = make_service(database), EdgeStore(database)
    await service.sync(DEVICE, [of_kind("ba-1", "batch"), of_kind("fx-1", "fixation")])
    (job,) = await claim(database, ONE)
    await store.settle(job, Settlement(dead=await store.next(ACME), error="422"))
    (fixation,) = await store.next(ACME)
    await service.retry(DEVICE, "ba-1")
    settled = await store.settle(job, Settlement(dead=[fixation], error="404"))
    assert (settled.holds, settled.dead) == (True, [])
    assert [each.item.id for each in await store.next(ACME)] == ["ba-1"]


async def test_what_the_cloud_took_is_noted_by_who_has_lost_the_lane_and_no_more(
    database: Database,
) -> None:
    store = EdgeStore(database)
    await make_service(database).sync(DEVICE, records(0, 3))
    (job,) = await claim(database, ONE)
    await database.execute(LEASE_ENDS)
    await claim(database, TWO)
    settled = await store.settle(job, Settlement(done=(await store.next(ACME))[:1]))
    assert not settled.holds
    assert [each.item.id for each in await store.next(ACME)] == ["acme-0001", "acme-0002"]
    assert await database.fetchval("SELECT holder FROM job") == TWO


async def test_each_dead_letter_is_an_alert_and_all_can_be_put_back_or_given_up(
    database: Database,
) -> None:
    service, heard = make_service(database), Heard()
    async with stand_in_cloud() as cloud:
        cloud.refuse = lambda item: item["id"] not in ("acme-0000", "acme-0001")
        async with pushing(database, cloud, ONE, heard):
            await service.sync(DEVICE, [*records(0, 5), of_kind("p-1", "pallet")])

            async def dead() -> bool:
                return (await service.overview(DEVICE.org)).dead == 4

            await until(dead)
            found = await service.overview(DEVICE.org)
            assert (found.pending, found.error) == (0, None)
            first = await service.dead_letters(DEVICE.org, cursor=None, limit=3)
            rest = await service.dead_letters(DEVICE.org, cursor=first.next, limit=3)
            letters = [row.record_id for row in (*first.items, *rest.items)]
            assert letters == ["p-1", "acme-0004", "acme-0003", "acme-0002"]
            assert [alert.code for alert in heard.alerts] == ["dead_letter"] * 4
            assert "acme-0002" in heard.alerts[0].message
            assert heard.alerts[0].device_id == "d-acme"
            cloud.refuse = lambda _: False
            assert await service.discard_all(DEVICE, Which(ids=["acme-0003"])) == 1
            assert await service.retry_all(DEVICE, Which(kind="batch")) == 0
            assert await service.retry_all(DEVICE, Which(kind="bottle", company_id="acme")) == 2
            await cloud.until(4)
            assert await service.retry_all(DEVICE, Which()) == 1
            await cloud.until(5)
    assert cloud.ids() == ["acme-0000", "acme-0001", "acme-0002", "acme-0004", "p-1"]
    rows = await database.fetch("SELECT action, detail FROM audit_log ORDER BY audit_id")
    assert [(row["action"], row["detail"]) for row in rows] == [
        ("cloud_sync.discard", {"ids": ["acme-0003"], "count": 1}),
        ("cloud_sync.retry", {"kind": "batch", "count": 0}),
        ("cloud_sync.retry", {"kind": "bottle", "companyId": "acme", "count": 2}),
        ("cloud_sync.retry", {"count": 1}),
    ]


async def test_who_fills_its_share_of_the_queue_stops_nobody_else(database: Database) -> None:
    service = make_service(database, share=10)
    await service.sync(DEVICE, records(0, 8))
    with pytest.raises(TooManyRequests):
        await service.sync(DEVICE, records(8, 3))
    assert len((await service.sync(DEVICE, records(8, 2))).accepted) == 2
    assert len((await service.sync(DEVICE, records(0, 10))).accepted) == 10
    other = await service.sync(device_of("c1"), records(0, 3, "c1"))
    assert len(other.accepted) == 3


async def test_ids_are_a_devices_own(database: Database) -> None:
    service = make_service(database)
    mine = Raw(b'{"id":"b-1","kind":"bottle","companyId":"acme","ts":"2026-01-02T03:04:05Z"}')
    theirs = Raw(b'{"id":"b-1","kind":"batch","companyId":"c1","ts":"2026-01-02T03:04:05Z"}')
    assert (await service.sync(DEVICE, [mine])).accepted == ["b-1"]
    foreign = await service.sync(device_of("c1"), [mine])
    assert [(each.id, each.code) for each in foreign.refused] == [("b-1", "forbidden")]
    assert (await service.sync(device_of("c1"), [theirs])).accepted == ["b-1"]
    assert (await service.sync(DEVICE, [mine])).accepted == ["b-1"]


async def test_a_clock_that_is_set_back_holds_no_lane(database: Database) -> None:
    await make_service(database).sync(DEVICE, records(0, 1))
    await database.execute(
        "UPDATE job SET lease_until = now() + interval '10 years', holder = 'r-0',"
        " next_run = now() + interval '10 years', wait = '1 min'"
    )
    await bring_to_present(database)
    assert len(await claim(database, ONE)) == 1


async def test_an_answer_without_end_is_none(database: Database) -> None:
    service = make_service(database)
    async with stand_in_cloud() as cloud:
        cloud.script.append(Reply(200, b" " * (MOST_BYTES + 1)))
        await service.sync(DEVICE, records(0, 1))
        async with pushing(database, cloud, ONE):

            async def doubted() -> bool:
                return (await service.overview(DEVICE.org)).error == "AnswerTooLong"

            await until(doubted)
            await cloud.until(1)


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
    database: Database, owner: Database, is_pushed: bool, left: int
) -> None:
    service = make_service(database, is_pushed=is_pushed)
    await service.sync(DEVICE, records(0, 3))
    for statement in AGEING:
        await owner.execute(statement)
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
