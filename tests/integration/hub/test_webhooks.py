"""The queues of webhooks, over a real Postgres: what is kept, delivered, given up and deleted."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from msgspec import Struct
from structlog.testing import capture_logs

from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base import key_file
from hub.base.clocks import HOLD_SECONDS
from hub.base.database import Database
from hub.base.job_store import JobStore
from hub.base.jobs import HeldJob, LeaseLost, Room, RunOutcome
from hub.base.vault import Vault
from hub.queries.records import Comparison, Field, FromNow, Tree
from hub.rights.memory import RightsMemory
from hub.rights.store import RightsStore
from hub.webhooks.batching import EVERYTHING, pack
from hub.webhooks.deciding import AttemptOutcome, QueueStanding
from hub.webhooks.delivering import Deliverer
from hub.webhooks.disabling import Disabling
from hub.webhooks.keeping import WebhookKeeper
from hub.webhooks.records import JOB, Owner, Sealed, WebhookDelivery, WebhookType
from hub.webhooks.seeing import OwnerSight
from hub.webhooks.sending import WebhookSender
from hub.webhooks.store import Content, DueWebhook, WebhookStore
from hub.webhooks.wanting import EventWish
from protocol.dashboard import AlertEvent
from protocol.ids import DEFAULT_ORG, ReplicaId, uuid7
from protocol.stream import StreamEvent
from tests.integration.hub.hubs import Told, add_devices, add_member

OWNER = Owner("user", "u1", None)
ENOUGH = QueueStanding(1000, 10**9, 1e6)


class Clock:
    """Seconds, by which the others count."""

    def __init__(self) -> None:
        self.monotonic = 0.0
        self.wall = time.time()


class Receiving:
    """Sends nothing: it notes what it was given, and answers what it is told to."""

    def __init__(self) -> None:
        self.given: list[WebhookDelivery] = []
        self.status: int | None = 200

    async def send(self, due: DueWebhook, delivery: WebhookDelivery) -> AttemptOutcome:
        self.given.append(delivery)
        return AttemptOutcome(status=self.status, ms=1, error=None if self.status else "timeout")

    def codes(self) -> list[str]:
        bodies = [json.loads(each.body or "") for each in self.given]
        return [str(event.get("code", event["type"])) for body in bodies for event in body["data"]]


class Plant(Struct):
    """Webhooks of one replica, without a loop."""

    database: Database
    store: WebhookStore
    keeper: WebhookKeeper
    deliverer: Deliverer
    receiving: Receiving
    told: Told
    clock: Clock

    async def webhook(self, types: list[WebhookType] | None = None, owner: Owner = OWNER) -> str:
        """Its id; it is kept for at once."""
        webhook_id = uuid7()
        content = Content(
            name="w",
            url="https://example.org",
            types=types or ["scan"],
            query=None,
            words={},
            sealed=Sealed(secret="whsec_YQ=="),
            enabled=True,
        )
        async with self.database.tenant(DEFAULT_ORG).transaction() as connection:
            await self.store.add(connection, DEFAULT_ORG, webhook_id, content, owner, "anna")
        await self.keeper.load()
        return webhook_id

    async def keep(self, *codes: str, device: str = "d1") -> None:
        async with self.database.transaction() as connection:
            await self.keeper.keep(connection, scans(*codes, device=device))

    async def job(self, replica: str = "r-1") -> HeldJob:
        """The job of the only webhook, held from now on."""
        store = JobStore(self.database, ReplicaId(replica))
        (claimed,) = await store.claim([Room(JOB, 1, 9.0)])
        return claimed.job

    async def waiting(self, webhook_id: str) -> list[str]:
        rows = await self.store.next(DEFAULT_ORG, webhook_id, 1000)
        return [json.loads(row.body)["code"] for row in rows]

    async def row(self, webhook_id: str) -> Mapping[str, Any]:
        row = await self.database.fetchrow(
            "SELECT * FROM webhook WHERE webhook_id = $1", webhook_id
        )
        assert row is not None
        return dict(row)


def scans(*codes: str, device: str = "d1") -> list[tuple[Any, StreamEvent]]:
    body = '{{"type":"scan","deviceId":"{}","code":"{}"}}'
    return [
        (DEFAULT_ORG, StreamEvent(device, "scan", "", body.format(device, code).encode()))
        for code in codes
    ]


@pytest_asyncio.fixture
async def plant(database: Database, tmp_path: Path) -> Plant:
    key_file.make(tmp_path / "key")
    await add_member(database)
    await add_devices(database, 3)
    told = Told()
    store = WebhookStore(database, Vault(tmp_path / "key"))
    sight = OwnerSight(RightsMemory(RightsStore(database), time.time))
    keeper = WebhookKeeper(store, sight, lambda: None)
    told.taps.add(keeper)
    receiving, clock = Receiving(), Clock()
    disabling = Disabling(store, AuditService(AuditStore(database)), told.telemetry)
    deliverer = Deliverer(
        store,
        sight,
        cast("WebhookSender", receiving),
        disabling,
        lambda: clock.wall,
        ran=lambda: None,
        draw=lambda: 0.5,
        monotonic=lambda: clock.monotonic,
    )
    return Plant(database, store, keeper, deliverer, receiving, told, clock)


# What is kept


async def test_what_nobody_wants_is_not_written(plant: Plant) -> None:
    webhook_id = await plant.webhook(["print"])
    assert set(plant.keeper.wanted[DEFAULT_ORG]) == {"print"}
    await plant.keep("a")
    assert await plant.waiting(webhook_id) == []


async def test_an_event_is_kept_with_its_transaction_or_not_at_all(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    async with plant.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await plant.keeper.keep(connection, scans("a"))
        await transaction.rollback()
    assert await plant.waiting(webhook_id) == []
    await plant.keep("b")
    assert await plant.waiting(webhook_id) == ["b"]


async def test_one_that_was_disabled_or_deleted_elsewhere_keeps_nothing(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.database.execute("UPDATE webhook SET enabled = false")
    await plant.keep("a")
    assert await plant.waiting(webhook_id) == []
    await plant.database.execute("UPDATE webhook SET reason = 'gone'")
    await plant.keep("b")
    assert await plant.waiting(webhook_id) == ["b"]
    await plant.database.execute("DELETE FROM webhook")
    await plant.keep("c")
    assert await plant.waiting(webhook_id) == ["b"]


FAILS = Comparison(Field("lastSeen"), ">", (FromNow(10**15),))
"""Postgres has no such time."""
ALL = Comparison(Field("createdAt"), "has")


@pytest.mark.parametrize(("tree", "found"), [(FAILS, set[str]()), (ALL, {"d1", "d2"})])
async def test_a_query_that_fails_means_no_device_and_the_transaction_goes_on(
    plant: Plant, tree: Tree, found: set[str]
) -> None:
    await plant.database.execute("UPDATE device_state SET last_seen = now()")
    wish = EventWish(DEFAULT_ORG, "w", frozenset({"scan"}), tree)
    with capture_logs() as logs:
        await matches(plant, wish, found)
    assert ["webhook_query_failed"] * (tree is FAILS) == [each["event"] for each in logs]


async def matches(plant: Plant, wish: EventWish, found: set[str]) -> None:
    async with plant.database.transaction() as connection:
        assert await plant.store.matching(connection, wish, {"d1", "d2", "none"}) == found
        assert await connection.fetchval("SELECT 1") == 1


# Order, and two writers


async def test_what_a_slow_transaction_commits_late_is_delivered_all_the_same(
    plant: Plant,
) -> None:
    webhook_id = await plant.webhook()
    async with plant.database.transaction() as slow:
        await plant.keeper.keep(slow, scans("slow", device="d2"))
        for number in range(20):
            await plant.keep(f"c{number}")
        job = await plant.job()
        assert await plant.deliverer.run(job) == RunOutcome()
        assert plant.receiving.codes() == [f"c{number}" for number in range(20)]
    assert await plant.waiting(webhook_id) == ["slow"]
    await plant.deliverer.run(job)
    assert plant.receiving.codes()[20:] == ["slow"]
    assert await plant.waiting(webhook_id) == []


async def test_only_what_was_sent_is_deleted(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.keep("a", "b")
    job = await plant.job()
    rows = await plant.store.next(DEFAULT_ORG, webhook_id, 1)
    made = await plant.store.open(
        job, "d-1", pack(rows, EVERYTHING, None, gap_id="g", now=NOW), tells_gap=False
    )
    assert made is not None
    await plant.store.taken(made, AttemptOutcome(status=200, ms=1))
    assert await plant.waiting(webhook_id) == ["b"]
    await plant.store.taken(made, AttemptOutcome(status=200, ms=1))  # by who lost the job
    assert await plant.waiting(webhook_id) == ["b"]


NOW = datetime(2026, 11, 30, tzinfo=UTC)


async def test_who_lost_the_job_makes_and_notes_nothing_more(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.keep("a")
    job = await plant.job()
    await plant.database.execute("UPDATE job SET lease_until = now()")
    await plant.job("r-2")
    with pytest.raises(LeaseLost):
        await plant.deliverer.run(job)
    assert plant.receiving.given == []
    assert await plant.waiting(webhook_id) == ["a"]


async def test_another_replica_goes_on_with_the_same_delivery(plant: Plant) -> None:
    await plant.webhook()
    await plant.keep("a")
    plant.receiving.status = None
    assert await plant.deliverer.run(await plant.job()) == RunOutcome(wait=5.0)
    await plant.keep("b")
    await plant.database.execute("UPDATE job SET holder = NULL, lease_until = NULL")
    plant.receiving.status = 204
    assert await plant.deliverer.run(await plant.job("r-2")) == RunOutcome()
    first, again, _ = plant.receiving.given
    assert (again.delivery_id, again.body) == (first.delivery_id, first.body)
    assert plant.receiving.codes() == ["a", "a", "b"]


# Bounds


async def given_up(plant: Plant, job: HeldJob, **bounds: float) -> int:
    return await plant.store.give_up(job, ENOUGH._replace(**cast("Any", bounds)))


async def test_the_oldest_go_beyond_so_many_and_a_gap_says_how_many(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.keep(*"abcdef")
    job = await plant.job()
    assert await given_up(plant, job) == 0
    assert await given_up(plant, job, items=4) == 2
    assert await plant.waiting(webhook_id) == list("cdef")
    assert await given_up(plant, job, items=3) == 1
    assert (await plant.row(webhook_id))["gap_count"] == 3
    await plant.deliverer.run(job)
    (delivery,) = plant.receiving.given
    gap, *others = json.loads(delivery.body or "")["data"]
    assert (gap["type"], gap["count"]) == ("gap", 3)
    assert [each["code"] for each in others] == list("def")
    row = await plant.row(webhook_id)
    assert (row["gap_count"], row["gap_from"], row["gap_to"]) == (0, None, None)


async def test_the_oldest_go_beyond_so_many_bytes(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.keep(*"abc")
    size = len((await plant.store.next(DEFAULT_ORG, webhook_id, 1))[0].body)
    assert await given_up(plant, await plant.job(), bytes=2 * size) == 1
    assert await plant.waiting(webhook_id) == ["b", "c"]
    standing = await plant.store.standing(DEFAULT_ORG, webhook_id)
    assert (standing.items, standing.bytes) == (2, 2 * size)


def later(plant: Plant, seconds: float) -> None:
    plant.clock.monotonic += seconds
    plant.clock.wall += seconds


@pytest.mark.parametrize("steps", [False, True])
async def test_nothing_is_too_old_while_a_clock_may_be_wrong(
    plant: Plant, owner: Database, steps: bool
) -> None:
    await plant.webhook()
    await plant.keep("a")
    await owner.execute("UPDATE webhook_event SET at = now() - interval '4 days'")
    if steps:
        later(plant, HOLD_SECONDS)
        plant.clock.wall += 4 * 86_400
    await plant.deliverer.run(await plant.job())
    assert plant.receiving.codes() == ["a"]


async def test_what_was_tried_is_made_anew_when_some_of_it_goes(
    plant: Plant, owner: Database
) -> None:
    webhook_id = await plant.webhook()
    await plant.keep(*"abc")
    plant.receiving.status = 500
    job = await plant.job()
    await plant.deliverer.run(job)
    await owner.execute(
        "UPDATE webhook_event SET at = now() - interval '4 days' WHERE body LIKE '%\"a\"%'"
    )
    assert (await plant.store.standing(DEFAULT_ORG, webhook_id)).seconds > 3 * 86_400
    plant.receiving.status = 200
    later(plant, HOLD_SECONDS)
    await plant.deliverer.run(job)
    first, second = plant.receiving.given
    assert second.delivery_id != first.delivery_id
    assert plant.receiving.codes() == ["a", "b", "c", "gap", "b", "c"]
    rows = await plant.store.deliveries(DEFAULT_ORG, webhook_id, before=None, limit=9)
    assert [(row.pending, row.status) for row in rows] == [(False, 200), (False, 500)]


# Its end


async def test_what_waits_for_one_that_is_deleted_goes_with_its_job(plant: Plant) -> None:
    webhook_id = await plant.webhook()
    await plant.keep("a")
    async with plant.database.tenant(DEFAULT_ORG).transaction() as connection:
        assert await plant.store.delete(connection, DEFAULT_ORG, webhook_id, 0.0) == "w"
    job = await plant.job()
    assert (await plant.deliverer.run(job)).wait == 60.0
    assert await plant.waiting(webhook_id) == []
    assert await plant.deliverer.run(job) == RunOutcome()
    assert await plant.database.fetchval("SELECT count(*) FROM job") == 0


async def test_one_whose_owner_is_gone_is_disabled_and_goes_on_keeping(plant: Plant) -> None:
    webhook_id = await plant.webhook(owner=Owner("user", "nobody", None))
    await plant.keep("a")
    assert (await plant.deliverer.run(await plant.job())).wait == 60.0
    row = await plant.row(webhook_id)
    assert (row["enabled"], row["reason"]) == (False, "owner_lacks_right")
    await plant.keeper.load()
    await plant.keep("b")
    assert await plant.waiting(webhook_id) == ["a", "b"]
    assert plant.receiving.given == []
    (alert,) = [event for event in plant.told.events if isinstance(event, AlertEvent)]
    assert (alert.code, alert.device_id) == ("owner_lacks_right", None)


async def test_old_deliveries_are_forgotten(plant: Plant, owner: Database) -> None:
    webhook_id = await plant.webhook()
    for code in ("a", "b"):
        await plant.keep(code)
        await plant.deliverer.run(await plant.job())
        await plant.database.execute("UPDATE job SET holder = NULL, lease_until = NULL")
    await owner.execute(
        "UPDATE webhook_delivery SET created_at = created_at - interval '8 days' WHERE ctid = "
        "(SELECT min(ctid) FROM webhook_delivery)"
    )
    await plant.store.forget_deliveries()
    rows = await plant.store.deliveries(DEFAULT_ORG, webhook_id, before=None, limit=9)
    assert [row.count for row in rows] == [1]
