"""G12: who loses the right to a socket loses the socket, on every replica: within 5 s, within 30 s
without Redis."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.acceptance.chaos.cluster import PASSWORD, Cluster
from tests.acceptance.hub.clients import Rest, Socket, bearer, new_id, open_socket

SLACK = 1.0
WITHIN = [pytest.param(True, 5.0, id="with redis"), pytest.param(False, 30.0, id="without redis")]


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


async def lose(two: Cluster, *, redis: bool) -> None:
    if not redis:
        await two.servers.kill("valkey")


@pytest.mark.parametrize(("redis", "seconds"), WITHIN)
async def test_g12_of_a_disabled_user(two: Cluster, redis: bool, seconds: float) -> None:
    async with watching(two) as (user_id, _, dashboard):
        await lose(two, redis=redis)
        async with Rest.open(two.urls[0], two.admin_token) as rest:
            answer = await rest.client.patch(f"/users/{user_id}", json={"disabled": True})
        assert answer.status_code == 200, answer.text
        assert (await dashboard.closed(seconds=seconds + SLACK))[0] == 4403


@pytest.mark.parametrize(("redis", "seconds"), WITHIN)
async def test_g12_of_who_logs_out(two: Cluster, redis: bool, seconds: float) -> None:
    async with watching(two) as (_, token, dashboard):
        await lose(two, redis=redis)
        async with Rest.open(two.urls[0], token) as rest:
            assert (await rest.post("/auth/logout")).status_code == 200
        assert (await dashboard.closed(seconds=seconds + SLACK))[0] == 4401


@pytest.mark.parametrize(("redis", "seconds"), WITHIN)
async def test_g12_of_a_deleted_device(two: Cluster, redis: bool, seconds: float) -> None:
    async with two.fleet(1).new_line() as device:
        await lose(two, redis=redis)
        async with Rest.open(two.urls[0], two.admin_token) as rest:
            answer = await rest.client.delete(f"/devices/{device.device_id}")
        assert answer.status_code == 200, answer.text
        assert (await device.closed(seconds=seconds + SLACK))[0] == 4403
