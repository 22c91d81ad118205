"""G6: at most one line per device is effective; the older is closed 4409 within 2 s."""

import asyncio

import pytest

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import Rest, bearer, now, open_socket, until

CLOSED_WITHIN = 2.0
SLACK = 0.5  # this machine is shared with other tests


async def test_g6_the_older_of_two_lines_on_two_replicas_is_closed_within_2_s(
    two: Cluster,
) -> None:
    first, second = two.fleet(0), two.fleet(1)
    device_id = await first.enroll()
    async with first.line(device_id) as older, second.line(device_id) as newer:
        began = now()
        code, _ = await older.closed(seconds=CLOSED_WITHIN + SLACK)
        assert code == 4409
        assert now() - began < CLOSED_WITHIN + SLACK
        assert newer.welcome["generation"] == older.welcome["generation"] + 1
        assert await newer.settled() == []


async def test_g6_so_it_is_without_redis(two: Cluster) -> None:
    first, second = two.fleet(0), two.fleet(1)
    device_id = await first.enroll()
    async with first.line(device_id) as older:
        await two.servers.kill("valkey")
        async with second.line(device_id) as newer:
            began = now()
            code, _ = await older.closed(seconds=CLOSED_WITHIN + SLACK)
            assert code == 4409
            assert now() - began < CLOSED_WITHIN + SLACK
            assert await newer.settled() == []


@pytest.mark.parametrize("seconds", [5.0, 15.0], ids=["short", "declared dead"])
async def test_g6_a_replica_that_stood_still_takes_nothing_from_superseded_lines(
    two: Cluster, seconds: float
) -> None:
    """What they had sent waits in its kernel, and is read before anything else."""
    first, second = two.fleet(0), two.fleet(1)
    moved, stays = await first.enroll(), await first.enroll()
    async with (
        first.line(moved) as old,
        first.line(stays) as kept,
        open_socket(f"{two.urls[1]}/ws/dashboard", **bearer(two.admin_token)) as dashboard,
        Rest.open(two.urls[1], two.admin_token) as rest,
    ):
        await dashboard.send("subscribe", id="s", types=["scan"])
        await dashboard.expect("subscribed")
        two.replicas[0].freeze()
        async with second.line(moved) as new:
            await old.send("scan", code="stale", valid=True)
            await kept.send("scan", code="kept", valid=True)
            await asyncio.sleep(seconds)  # the fault itself
            two.replicas[0].thaw()
            assert (await old.closed())[0] == 4409
            assert (await dashboard.find("scan"))["code"] == "kept"  # the first of all

            async def is_stored() -> bool:
                return bool(await rest.data(f"/devices/{stays}/events", type="scan"))

            await until(is_stored)
            await new.send("scan", code="new", valid=True)
            assert (await dashboard.find("scan"))["code"] == "new"
            assert await kept.settled() == []
        rows = await rest.data(f"/devices/{moved}/events", type="scan")
        assert [row["event"]["code"] for row in rows if row["event"]["code"] == "stale"] == []
