"""G10: a hundred dashboards that never read cost the ten that do nothing, hold 1.25 MiB each at the
most, and are gone ten seconds later."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import psutil

from tests.acceptance.chaos.cluster import PASSWORD, Cluster
from tests.acceptance.hub.clients import (
    Device,
    Rest,
    Socket,
    bearer,
    new_id,
    now,
    open_socket,
    until,
)

STALLED = 100
OF_A_USER = 50
READING = 10
EVENTS = 450
WINDOW = 50
BYTES = 7_000  # 450 of them are more than a megabyte and what a kernel buffers
MIB = 1 << 20
HOLDS = 1.25 * MIB
GONE_WITHIN = 10.0
SLACK = 5.0


async def test_g10_stalled_dashboards_delay_nobody_and_are_soon_gone(one: Cluster) -> None:
    replica = psutil.Process(one.replicas[0].pid)
    async with AsyncExitStack() as stack:
        readers = [await dashboard(one, one.admin_token, stack) for _ in range(READING)]
        stalled: list[Socket] = []
        for _ in range(STALLED // OF_A_USER):
            token = await viewer(one)
            stalled += [await dashboard(one, token, stack) for _ in range(OF_A_USER)]
        for socket in stalled:
            socket.connection.transport.pause_reading()
        device = await stack.enter_async_context(one.fleet().new_line())
        before, sockets = replica.memory_info().rss, established(replica)

        seen: list[list[str]] = [[] for _ in readers]
        async with asyncio.TaskGroup() as tasks:
            for reader, names in zip(readers, seen, strict=True):
                tasks.create_task(read(reader, names))
            tasks.create_task(make(device, seen))
        made = now()
        grown = replica.memory_info().rss - before

        async def gone() -> bool:
            return established(replica) <= sockets - STALLED

        await until(gone, seconds=GONE_WITHIN + SLACK)
        for socket in stalled:
            socket.connection.transport.abort()

    assert seen == [[f"n-{n}" for n in range(EVENTS)]] * READING
    assert grown < STALLED * HOLDS
    assert now() - made < GONE_WITHIN + SLACK


async def viewer(cluster: Cluster) -> str:
    """The token of somebody new."""
    name = new_id("viewer")
    async with Rest.open(cluster.urls[0], cluster.admin_token) as admin:
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        assert (await admin.post("/users", body)).status_code == 201
    return cluster.log_in(name)


async def dashboard(cluster: Cluster, token: str, stack: AsyncExitStack) -> Socket:
    url = f"{cluster.urls[0]}/ws/dashboard"
    socket = await stack.enter_async_context(open_socket(url, **bearer(token)))
    await socket.send("subscribe", id="s", types=["event"])
    await socket.expect("subscribed")
    return socket


async def make(device: Device, seen: list[list[str]]) -> None:
    """No faster than those who read can read: how fast that is, is not the question here."""
    data: dict[str, Any] = {"pad": "x" * BYTES}
    for n in range(EVENTS):

        async def close_behind(n: int = n) -> bool:
            return all(len(names) >= n - WINDOW for names in seen)

        await until(close_behind, seconds=20)
        await device.send("event", name=f"n-{n}", bootId="b", seq=n + 1, data=data)
    await device.find("event_ack", seq=EVENTS, seconds=20)


async def read(reader: Socket, names: list[str]) -> None:
    """Of the next events; anything else (a gap) fails."""
    while len(names) < EVENTS:
        names.append((await reader.expect("event"))["name"])


def established(process: psutil.Process) -> int:
    found = process.net_connections(kind="tcp")
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)
