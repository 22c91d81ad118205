"""G17: with Postgres frozen calls are refused quickly, sockets stay, events wait and are stored."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import Rest, bearer, now, open_socket, until

REFUSED_WITHIN = 3.0
SLACK = 0.5
FROZEN = 20.0
EVENTS = 30


@asynccontextmanager
async def frozen_postgres(cluster: Cluster) -> AsyncGenerator[None]:
    cluster.servers.signal("postgres", signal.SIGSTOP)
    try:
        yield
    finally:
        cluster.servers.signal("postgres", signal.SIGCONT)


async def test_g17_a_frozen_postgres_costs_answers_and_nothing_else(one: Cluster) -> None:
    async with (
        one.fleet().new_line() as device,
        open_socket(f"{one.urls[0]}/ws/dashboard", **bearer(one.admin_token)) as dashboard,
        Rest.open(one.urls[0], one.admin_token) as rest,
    ):
        await device.hello()
        await dashboard.send("subscribe", id="s", types=["event"])
        await dashboard.expect("subscribed")

        async with frozen_postgres(one):
            began = now()
            for n in range(EVENTS):
                await device.send("event", name=f"n-{n}", bootId="boot-1", seq=n + 1)
            while now() - began < FROZEN:
                asked = now()
                answer = await rest.dispatch(device.device_id, headers={"Prefer": "respond-async"})
                assert answer.status_code == 503, answer.text
                assert "Retry-After" in answer.headers
                assert now() - asked < REFUSED_WITHIN + SLACK
                assert await device.settled() == []  # and no event is acknowledged
                await asyncio.sleep(1)

        await device.find("event_ack", seq=EVENTS, seconds=10)
        for n in range(EVENTS):
            await dashboard.expect("event", name=f"n-{n}")

        async def accepts() -> bool:
            return (await rest.dispatch(device.device_id, timeoutMs=100)).status_code == 200

        await until(accepts)
        stored = await rest.data(f"/devices/{device.device_id}/events", type="event", limit=500)
        found = sorted(int(event["event"]["name"].removeprefix("n-")) for event in stored)
        assert found == list(range(EVENTS))
        assert (await rest.data(f"/devices/{device.device_id}"))["generation"] == 1
