"""G21: offered more than it can take, the hub slows its devices and loses nothing of theirs."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import httpx

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import TLS, Device, Rest, until

LINES = 16
EVENTS = 4_000
"""Of each: together more than may wait in the hub."""
STORE_SECONDS = 30.0


async def test_g21_devices_that_send_too_fast_are_slowed_and_lose_nothing(one: Cluster) -> None:
    url = one.urls[0]
    async with AsyncExitStack() as stack, Rest.open(url, one.admin_token) as rest:
        lines = [await stack.enter_async_context(one.fleet().new_line()) for _ in range(LINES)]
        quiet = await stack.enter_async_context(one.fleet().new_line())
        database = await asyncpg.connect(one.servers.owner_url)
        stack.push_async_callback(database.close)

        async def held() -> bool:
            return await metric(url, "longline_lines_held") > 0

        async def stored() -> bool:
            return await stored_events(database) == LINES * EVENTS

        async with asyncio.TaskGroup() as tasks, database.transaction():
            await database.execute("LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE")
            for line in lines:
                tasks.create_task(pour(line))
            await until(held)
        await until(stored, seconds=STORE_SECONDS)
        assert await metric(url, 'longline_events_shed_total{reason="database"}') == 0
        assert await metric(url, "longline_lines_held") == 0
        for line in (*lines, quiet):
            assert await line.settled() == []
        await rest.accept(quiet.device_id)
        await quiet.command()


async def pour(line: Device) -> None:
    for number in range(EVENTS):
        await line.send("event", name=f"n-{number}")


async def stored_events(database: asyncpg.Connection) -> int:
    return int(await database.fetchval("SELECT count(*) FROM event WHERE type = 'event'"))


async def metric(url: str, name: str) -> float:
    """0 when it was never counted."""
    async with httpx.AsyncClient(verify=TLS, trust_env=False) as client:
        lines = (await client.get(f"{url}/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))
