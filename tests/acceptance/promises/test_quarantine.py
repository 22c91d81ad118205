"""Quarantine holds on whichever replica the line is, with Redis or without, within 5 s."""

import asyncio

import pytest

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import Rest

WITHIN = 5.0


@pytest.mark.parametrize("redis", [True, False], ids=["with redis", "without redis"])
async def test_quarantine_holds_on_the_other_replica(two: Cluster, *, redis: bool) -> None:
    async with (
        two.fleet(1).new_line() as device,
        Rest.open(two.urls[0], two.admin_token) as rest,
    ):
        path = f"/devices/{device.device_id}"
        await device.hello()
        if not redis:
            await two.servers.kill("valkey")
        answer = await rest.post(f"{path}/quarantine", {"reason": "odd"})
        assert answer.status_code == 200, answer.text
        refused = await rest.dispatch(device.device_id)
        assert refused.json()["code"] == "quarantined"
        await device.find("error", code="quarantined", seconds=WITHIN)
        await device.send("event", name="kept", seq=1)
        assert await device.settled() == []
        # A line that begins meanwhile is told by its registration.
        async with two.fleet(0).line(device.device_id) as newer:
            await newer.expect("error", code="quarantined")
            await newer.hello()
            await newer.send("event", name="kept", seq=1)
            assert await newer.settled() == []
            assert (await rest.post(f"{path}/release")).status_code == 200
            await newer.find("reconnect", seconds=WITHIN)
        async with two.fleet(1).line(device.device_id) as last:
            await last.hello()
            await last.send("event", name="kept", seq=1)
            await last.find("event_ack", seq=1)


async def test_a_replica_that_stood_still_takes_nothing_that_came_meanwhile(two: Cluster) -> None:
    async with (
        two.fleet(1).new_line() as device,
        Rest.open(two.urls[0], two.admin_token) as rest,
    ):
        path = f"/devices/{device.device_id}"
        await device.hello()
        two.replicas[1].freeze()
        try:
            answer = await rest.post(f"{path}/quarantine", {"reason": "odd"})
            assert answer.status_code == 200, answer.text
            await device.send("event", name="kept", seq=1)
            await asyncio.sleep(5)  # the fault itself
        finally:
            two.replicas[1].thaw()
        await device.expect("error", code="quarantined", seconds=WITHIN)
        assert await device.settled() == []
        assert await rest.data(f"{path}/events", type="event") == []


async def test_quarantine_outlives_a_replica(two: Cluster) -> None:
    async with Rest.open(two.urls[0], two.admin_token) as rest:
        async with two.fleet(1).new_line() as device:
            path = f"/devices/{device.device_id}"
            answer = await rest.post(f"{path}/quarantine", {"reason": "odd"})
            assert answer.status_code == 200, answer.text
            two.replicas[1].kill()
        await asyncio.to_thread(two.replicas[1].start)
        async with two.fleet(1).line(device.device_id) as newer:
            await newer.expect("error", code="quarantined")
            assert (await rest.post(f"{path}/release")).status_code == 200
            await newer.find("reconnect", seconds=WITHIN)
