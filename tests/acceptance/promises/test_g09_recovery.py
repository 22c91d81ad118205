"""G9: a dashboard recovers on another replica than it was on before, and is told when events may be
missing."""

from pathlib import Path
from typing import Any

import asyncpg

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.chaos.proxy import Proxy, serving
from tests.acceptance.hub.clients import Device, Socket, bearer, open_socket, until

EVENTS = 40


async def test_g9_every_event_once_and_in_order_on_another_replica(two: Cluster) -> None:
    async with two.fleet(0).new_line() as device:
        headers = bearer(two.admin_token)
        async with open_socket(f"{two.urls[0]}/ws/dashboard", **headers) as dashboard:
            await subscribe(dashboard)
            await make(device, range(EVENTS // 4))
            seen = await events_until(dashboard, EVENTS // 4)
            place = {"epoch": seen[-1]["epoch"], "offset": seen[-1]["offset"]}
        await make(device, range(EVENTS // 4, EVENTS // 2))  # while it is away
        async with open_socket(f"{two.urls[1]}/ws/dashboard", **headers) as dashboard:
            answer = await subscribe(dashboard, since=place)
            assert answer["recovered"] is True
            await make(device, range(EVENTS // 2, EVENTS))
            seen += await events_until(dashboard, EVENTS - EVENTS // 4)

    assert [event["name"] for event in seen] == [f"n-{n}" for n in range(EVENTS)]
    offsets = [event["offset"] for event in seen]
    assert offsets == sorted(set(offsets))
    assert len({event["epoch"] for event in seen}) == 1


async def test_g9_an_event_whose_commit_was_not_answered_is_a_gap(tmp_path: Path) -> None:
    """It is stored and acknowledged, but no replica knows that it was new."""
    cluster = Cluster(tmp_path)
    database = Proxy(lambda: cluster.servers.socket("postgres"))
    try:
        await cluster.servers.start()
        async with serving(database):
            cluster.database_url = cluster.servers.database_at(database.port)
            await cluster.start(1)
            headers = bearer(cluster.admin_token)
            async with (
                cluster.fleet().new_line() as device,
                open_socket(f"{cluster.urls[0]}/ws/dashboard", **headers) as dashboard,
            ):
                await subscribe(dashboard)
                database.lost = b"only-this-one", b"COMMIT;"
                await device.send("event", name="only-this-one", bootId="b", seq=1)
                await until(lambda: is_stored(cluster))
                database.lost = None
                await device.find("event_ack", seq=1)
                seen = await dashboard.frame()
                assert (seen["type"], seen.get("reason")) == ("gap", "bus")
    finally:
        await cluster.stop()


async def is_stored(cluster: Cluster) -> bool:
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        return bool(await connection.fetchval("SELECT count(*) FROM event WHERE seq = 1"))
    finally:
        await connection.close()


async def events_until(dashboard: Socket, count: int) -> list[dict[str, Any]]:
    """The next so many frames, which must all be events."""
    return [await dashboard.expect("event") for _ in range(count)]


async def subscribe(dashboard: Socket, **more: Any) -> dict[str, Any]:
    await dashboard.send("subscribe", id="s", types=["event"], **more)
    return await dashboard.expect("subscribed")


async def make(device: Device, numbers: range) -> None:
    """Durable events, acknowledged."""
    for n in numbers:
        await device.send("event", name=f"n-{n}", bootId="b", seq=n + 1)
    await device.find("event_ack", seq=numbers[-1] + 1)
