"""Webhooks of a cluster: each replica keeps events for them, one delivers, and another goes on when
that one is killed."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest_asyncio

from hub.base import key_file
from tests.acceptance.chaos.cluster import Cluster, Replica, running_cluster
from tests.acceptance.hub.clients import Device, Rest, until
from tests.acceptance.hub.receiver import ADDRESS, Receiver, answer, receiving

OVER_SECONDS = 25.0
"""A lease of 9 s, the pause before the second attempt, and what this machine takes."""


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[Cluster]:
    key = tmp_path / "key"
    key_file.make(key)
    async with running_cluster(
        tmp_path, replicas=2, webhook_allow=ADDRESS, master_key_file=str(key)
    ) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def make(cluster: Cluster, receiver: Receiver) -> str:
    """The id of a webhook that the first replica made."""
    async with Rest.open(cluster.urls[0], cluster.admin_token) as rest:
        body = {"name": "w", "url": receiver.url, "types": ["scan"]}
        made = await rest.post("/webhooks", body)
        assert made.status_code == 201, made.text
        return str(made.json()["data"]["id"])


async def send(device: Device, seq: int) -> None:
    await device.send("scan", code=f"c{seq}", valid=True, bootId="boot-1", seq=seq)
    await device.find("event_ack", seq=seq)


async def send_until_it_comes(device: Device, receiver: Receiver) -> int:
    """How many: the replica of the device knows the webhook from the last one on."""
    seq = 0

    async def has_come() -> bool:
        nonlocal seq
        seq += 1
        await send(device, seq)
        return bool(receiver.received)

    await until(has_come, seconds=10)
    return seq


async def holder(cluster: Cluster, webhook_id: str) -> Replica:
    """Who delivers to it now."""
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        statement = (
            "SELECT r.address FROM job j JOIN replica r ON r.replica_id = j.holder "
            "WHERE j.kind = 'webhook' AND j.key = $1"
        )
        address: str | None = await connection.fetchval(statement, webhook_id)
    finally:
        await connection.close()
    assert address is not None
    return next(each for each in cluster.replicas if address.endswith(f":{each.port}"))


async def test_each_replica_keeps_events_and_another_delivers_what_the_killed_one_began(
    cluster: Cluster, receiver: Receiver
) -> None:
    webhook_id = await make(cluster, receiver)
    async with cluster.fleet(1).new_line() as device:
        sent = await send_until_it_comes(device, receiver)
        receiver.says = lambda _: None
        before = len(receiver.received)
        await send(device, sent + 1)
        *_, hanging = await receiver.until(lambda all_: len(all_) > before)
        deliverer = await holder(cluster, webhook_id)
        if deliverer is cluster.replicas[0]:
            await send(device, sent + 2)
        await asyncio.to_thread(deliverer.kill)
        receiver.says = lambda _: answer(200)
        at = len(receiver.received)
        await receiver.until(lambda all_: len(all_) > at, seconds=OVER_SECONDS)
    again = receiver.received[at]
    assert (again.id, again.body) == (hanging.id, hanging.body)
    wanted = f"c{sent + 2 if deliverer is cluster.replicas[0] else sent + 1}"
    await receiver.until(lambda _: receiver.unique()[-1]["code"] == wanted)
    codes = [int(event["code"][1:]) for event in receiver.unique()]
    assert codes == list(range(codes[0], codes[-1] + 1)), "none is missing, in order"
