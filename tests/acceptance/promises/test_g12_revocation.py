"""G12: who loses the right to a socket loses the socket, on every replica: within 5 s, within 30 s
without Redis."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.acceptance.chaos.cluster import PASSWORD, Cluster
from tests.acceptance.hub.clients import Rest, Socket, bearer, new_id, open_socket

SLACK = 1.0


@asynccontextmanager
async def watching(two: Cluster) -> AsyncGenerator[tuple[str, str, Socket]]:
    """(user id, token, dashboard) of a new user who is signed in at one replica and watches at
    the other."""
    name = new_id("user")
    async with Rest.open(two.urls[0], two.admin_token) as rest:
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        made = (await rest.post("/users", body)).json()["data"]
    token = two.log_in(name)
    async with open_socket(f"{two.urls[1]}/ws/dashboard", **bearer(token)) as dashboard:
        await dashboard.send("subscribe", id="s", types=["alert"])
        await dashboard.expect("subscribed")
        yield made["id"], token, dashboard


@pytest.mark.parametrize(
    ("redis", "seconds"), [(True, 5.0), (False, 30.0)], ids=["with redis", "without redis"]
)
async def test_g12_who_loses_a_right_loses_the_socket_on_the_other_replica(
    two: Cluster, *, redis: bool, seconds: float
) -> None:
    async with (
        watching(two) as (disabled, _, of_disabled),
        watching(two) as (_, token, of_logged_out),
        two.fleet(1).new_line() as device,
        Rest.open(two.urls[0], two.admin_token) as admin,
        Rest.open(two.urls[0], token) as user,
    ):
        if not redis:
            await two.servers.kill("valkey")
        answers = await asyncio.gather(
            admin.client.patch(f"/users/{disabled}", json={"disabled": True}),
            user.post("/auth/logout"),
            admin.client.delete(f"/devices/{device.device_id}"),
        )
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        closed = await asyncio.gather(
            of_disabled.closed(seconds=seconds + SLACK),
            of_logged_out.closed(seconds=seconds + SLACK),
            device.closed(seconds=seconds + SLACK),
        )
        assert [code for code, _ in closed] == [4403, 4401, 4403]
