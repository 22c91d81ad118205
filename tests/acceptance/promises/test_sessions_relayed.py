"""Sessions whose person and device are on two replicas, and what becomes of them in faults."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.chaos.cluster import Cluster, Replica
from tests.acceptance.hub.byte_streams import ACCEPTS, Opened, StreamEnd, asking, session
from tests.acceptance.hub.clients import Device, Rest, now, until

MEGABYTES = 10
BLOCK = 32 * 1024 - 1
LOST_WITHIN = 5.0
TRUE_WITHIN = 15.0
SLACK = 1.0


@asynccontextmanager
async def relayed(two: Cluster, *, here: bool = False) -> AsyncGenerator[tuple[Device, Opened]]:
    """The person on the first replica, the device on the second, or `here` with the person."""
    which = 0 if here else 1
    async with (
        Rest.open(two.urls[0], two.admin_token) as rest,
        two.fleet(which).new_line() as line,
    ):
        await line.hello(accepts=ACCEPTS)
        async with session(
            rest,
            line,
            url=two.urls[which],
            person_url=two.urls[0],
            token=two.admin_token,
            device_token=await two.fleet(which).token(line.device_id),
        ) as opened:
            yield line, opened


async def pour(end: StreamEnd, channel: int, data: bytes) -> None:
    try:
        for at in range(0, len(data), BLOCK):
            await end.send(channel, data[at : at + BLOCK])
    except ConnectionClosed:
        return


async def gather(end: StreamEnd, size: int) -> bytes:
    """So many bytes, or fewer when it ends before."""
    found = bytearray()
    try:
        while len(found) < size:
            found += (await end.message(seconds=60))[1:]
    except ConnectionClosed:
        pass
    return bytes(found)


async def test_megabytes_each_way_byte_for_byte(two: Cluster) -> None:
    down, up = os.urandom(MEGABYTES << 20), os.urandom(MEGABYTES << 20)
    async with relayed(two) as (_, opened):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(opened.person, 0, down))
            tasks.create_task(pour(opened.device, 1, up))
            came_down = tasks.create_task(gather(opened.device, len(down)))
            came_up = tasks.create_task(gather(opened.person, len(up)))
        assert came_down.result() == down
        assert came_up.result() == up
        await opened.device.send(3, {"status": "Success"})
        assert (await opened.person.closed()) == (1000, "finished")
        assert (await opened.device.closed()) == (1000, "finished")


async def test_redis_killed_in_the_middle(two: Cluster) -> None:
    data = os.urandom(200 << 20)
    async with relayed(two) as (_, opened), relayed(two, here=True) as (_, beside):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(opened.device, 1, data))
            first = await gather(opened.person, 1 << 20)
            came = tasks.create_task(gather(opened.person, len(data)))
            await two.servers.kill("valkey")
            died = now()
        assert data.startswith(first + came.result())
        assert opened.person.connection.close_code == 1011
        assert (await opened.device.closed(seconds=LOST_WITHIN + SLACK))[0] == 1011
        assert now() - died < LOST_WITHIN + SLACK
        # With both ends on one replica nothing is lost, and others are not opened.
        await beside.person.send(0, b"hi")
        assert await beside.device.message() == b"\x00hi"
        async with (
            Rest.open(two.urls[0], two.admin_token) as rest,
            two.fleet(1).new_line() as line,
        ):
            await line.hello(accepts=ACCEPTS)
            answer = await asking(rest, line.device_id, "shell")
            assert (answer.status_code, answer.json()["code"]) == (503, "relay_unavailable")


async def test_redis_stopped(two: Cluster) -> None:
    async with relayed(two) as (_, opened):
        two.servers.signal("valkey", signal.SIGSTOP)
        began = now()
        try:
            assert (await opened.person.closed(seconds=LOST_WITHIN + SLACK))[0] == 1011
            assert (await opened.device.closed(seconds=LOST_WITHIN + SLACK))[0] == 1011
            assert now() - began < LOST_WITHIN + SLACK
        finally:
            two.servers.signal("valkey", signal.SIGCONT)


async def test_subscriptions_that_are_cut_end_what_they_carried(two: Cluster) -> None:
    async with relayed(two) as (_, opened):
        await asyncio.to_thread(two.servers.valkey, "CLIENT", "KILL", "TYPE", "pubsub")
        assert (await opened.person.closed(seconds=LOST_WITHIN + SLACK))[0] == 1011
        assert (await opened.device.closed(seconds=LOST_WITHIN + SLACK))[0] == 1011


@pytest.mark.parametrize("dead", [0, 1])
async def test_a_replica_that_dies_ends_its_sessions(two: Cluster, dead: int) -> None:
    async with relayed(two) as (_, opened):
        await asyncio.to_thread(two.replicas[dead].kill)
        died = now()
        left = opened.device if dead == 0 else opened.person
        assert (await left.closed(seconds=TRUE_WITHIN + SLACK))[0] == 1011
        assert now() - died < TRUE_WITHIN + SLACK
        async with Rest.open(two.urls[1 - dead], two.admin_token) as rest:
            await until(_has_ended(rest, opened.id))
            found = await rest.data(f"/sessions/{opened.id}")
            assert found["reason"] == "replica_lost"
            recording = await rest.get(f"/sessions/{opened.id}/recording")
            assert ('"truncated":true' in recording.text) is (dead == 1)


def _has_ended(rest: Rest, session_id: str) -> Callable[[], Awaitable[bool]]:
    async def ended() -> bool:
        answer = await rest.get(f"/sessions/{session_id}")
        return answer.status_code == 200 and answer.json()["data"]["status"] == "ENDED"

    return ended


async def test_a_drain_says_so_to_both(two: Cluster) -> None:
    async with relayed(two) as (line, opened):
        stopping = asyncio.create_task(asyncio.to_thread(Replica.stop, two.replicas[1]))
        await line.find("reconnect", seconds=30)
        assert (await opened.device.closed(seconds=40))[0] == 1012
        assert (await opened.person.closed(seconds=40))[0] == 1012
        assert await stopping == 0


async def test_postgres_stopped_in_a_recorded_shell(two: Cluster) -> None:
    async with relayed(two) as (_, opened):
        await opened.device.send(1, b"before")
        assert await opened.person.message() == b"\x01before"
        await opened.device.send(1, b"more")
        two.servers.signal("postgres", signal.SIGSTOP)
        try:
            await opened.device.send(1, b"x" * 1000)
            assert (await opened.person.closed(seconds=25))[0] == 1011
            assert (await opened.device.closed(seconds=25))[0] == 1011
        finally:
            two.servers.signal("postgres", signal.SIGCONT)
        async with Rest.open(two.urls[0], two.admin_token) as rest:
            await until(_has_ended(rest, opened.id), seconds=20)
            recording = await rest.get(f"/sessions/{opened.id}/recording")
            assert '"truncated":true' in recording.text.splitlines()[0]
