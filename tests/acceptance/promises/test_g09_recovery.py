"""G9: a dashboard recovers on another replica than it was on before."""

from typing import Any

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import Device, Socket, bearer, open_socket

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
