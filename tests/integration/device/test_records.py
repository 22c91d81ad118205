"""The queue of records on a real disk: who goes which way, and in which order."""

import asyncio
import random
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.base.database import Database
from device.records.queue import RecordQueue
from device.records.ways import RecordBounds, Way
from protocol.edge import EdgeRecord, Kind

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def queue(tmp_path: Path) -> Generator[RecordQueue]:
    database = Database(tmp_path / "state.db")
    yield RecordQueue(database, bounds=RecordBounds())
    database.close()


def made(ident: str, company: str = "acme", kind: Kind = "bottle") -> EdgeRecord:
    return EdgeRecord(id=ident, kind=kind, company_id=company, ts=NOON)


async def taken(queue: RecordQueue, way: Way, lane: str | None = None, most: int = 10) -> list[str]:
    return [each.id for each in await queue.take(way, most, lane)]


async def test_a_company_goes_in_the_order_of_its_hand_in_whatever_the_kind(
    queue: RecordQueue,
) -> None:
    await queue.switch("DIRECT_CLOUD")
    kinds: list[Kind] = ["batch", "batch", "fixation", "batch", "bottle"]
    for number, kind in enumerate(kinds):
        await queue.add([made(f"r{number}", kind=kind), made(f"o{number}", "other", kind)])
    assert await queue.lanes("cloud") == ["acme", "other"]
    assert await queue.lanes("hub") == []
    for batch in (["r0", "r1"], ["r2"], ["r3"], ["r4"], []):
        assert await taken(queue, "cloud", "acme") == batch
        await queue.settle(batch, [])
    assert await queue.lanes("cloud") == ["other"]


async def test_what_is_bound_to_another_way_holds_back_what_follows_it_of_its_company(
    queue: RecordQueue,
) -> None:
    await queue.add([made("h1"), made("h2")])
    assert await taken(queue, "hub", most=1) == ["h1"]
    await queue.switch("DIRECT_CLOUD")
    await queue.add([made("o1", "other"), made("h3")])
    assert await queue.lanes("cloud") == ["other"]
    assert await taken(queue, "cloud", "acme") == []
    assert await taken(queue, "cloud", "other") == ["o1"]
    assert await taken(queue, "hub") == ["h1"]
    await queue.settle(["h1"], [])
    assert await queue.lanes("cloud") == ["acme", "other"]
    assert await taken(queue, "cloud", "acme") == ["h2", "h3"]
    await queue.switch("VIA_LOCAL_SERVER")
    await queue.add([made("h4"), made("new", "third")])
    assert await taken(queue, "hub") == ["new"]
    await queue.settle(["h2", "h3"], [])
    assert await taken(queue, "hub") == ["h4", "new"]


async def test_without_a_cloud_all_that_waits_goes_to_the_hub(queue: RecordQueue) -> None:
    await queue.switch("DIRECT_CLOUD")
    await queue.add([made("r1"), made("r2")])
    assert await taken(queue, "cloud", "acme", most=1) == ["r1"]
    await queue.forget_cloud()
    assert await taken(queue, "hub") == ["r1", "r2"]
    assert queue.mode == "VIA_LOCAL_SERVER"


async def test_a_company_that_rests_holds_back_no_other(queue: RecordQueue) -> None:
    await queue.add([made("r1"), made("o1", "other"), made("r2")])
    found = await queue.take("hub", 10, without=["acme", "nobody"])
    assert [(each.id, each.lane) for each in found] == [("o1", "other")]
    assert await taken(queue, "hub") == ["r1", "o1", "r2"]


async def test_whoever_waited_for_the_other_way_is_woken_when_that_is_done(
    queue: RecordQueue,
) -> None:
    waits = asyncio.Event()
    queue.wakes.append(waits)
    await queue.add([made("h1"), made("h2"), made("h3")])
    for ends in (queue.settle(["h1"], []), queue.settle([], [("h2", "too old")])):
        await queue.switch("VIA_LOCAL_SERVER")
        await taken(queue, "hub", most=1)
        await queue.switch("DIRECT_CLOUD")
        assert await taken(queue, "cloud") == []
        waits.clear()
        await ends
        assert waits.is_set()
    waits.clear()
    await queue.clear(include_completed=False)
    assert waits.is_set()
    waits.clear()
    await queue.forget_cloud()
    assert waits.is_set()
    waits.clear()
    await queue.forget_cloud()
    assert waits.is_set()


COMPANIES = ("acme", "other")


async def random_step(queue: RecordQueue, dice: random.Random) -> None:
    company = dice.choice(COMPANIES)
    match dice.choice(("add", "add", "switch", "to hub", "to cloud")):
        case "add":
            await queue.add([made(f"r{dice.random()}", company)])
        case "switch":
            await queue.switch(dice.choice(("VIA_LOCAL_SERVER", "DIRECT_CLOUD")))
        case "to hub":
            waiting = await queue.take("hub", 2)
            await queue.settle([each.id for each in waiting][: dice.randint(0, 2)], [])
        case _:
            waiting = await queue.take("cloud", 2, company)
            await queue.settle([each.id for each in waiting][: dice.randint(0, 2)], [])


@pytest.mark.parametrize("seed", range(40))
async def test_a_lane_that_is_named_has_something_to_send(queue: RecordQueue, seed: int) -> None:
    """A courier begins anew at once after it has sent: it would never rest otherwise."""
    dice = random.Random(seed)  # noqa: S311
    for _ in range(20):
        await random_step(queue, dice)
    held = set(dice.sample(COMPANIES, dice.randint(0, 2)))

    to_hub, to_cloud = await queue.lanes("hub"), await queue.lanes("cloud")
    found = await queue.take("hub", 10, without=held)
    assert bool(found) is any(lane not in held for lane in to_hub)
    for lane in COMPANIES:
        assert bool(await queue.take("cloud", 10, lane)) is (lane in to_cloud)
