"""Rules of a cluster: when the replica dies that a device was on, or that looked at rules, nobody
is said to be offline who found back, and who did not is."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest_asyncio

from tests.acceptance.chaos.cluster import Cluster, Replica, running_cluster
from tests.acceptance.hub.clients import Rest, until

OFFLINE_SECONDS = 60.0
SWEEPER_SECONDS = 20.0
"""A lease of 9 s, a look, and what this machine takes."""


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[Cluster]:
    async with running_cluster(tmp_path, replicas=2) as cluster:
        yield cluster


async def sweeper(cluster: Cluster) -> Replica:
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        address: str | None = await connection.fetchval(
            "SELECT r.address FROM job j JOIN replica r ON r.replica_id = j.holder "
            "WHERE j.kind = 'rule_sweep'"
        )
    finally:
        await connection.close()
    assert address is not None
    return next(each for each in cluster.replicas if address.endswith(f":{each.port}"))


async def test_the_death_of_a_replica_makes_nobody_offline_who_finds_back(
    cluster: Cluster,
) -> None:
    dying = await sweeper(cluster)
    number = cluster.replicas.index(dying)
    other = 1 - number
    async with Rest.open(cluster.urls[other], cluster.admin_token) as rest:
        made = await rest.post("/alert-rules", {"name": "offline", "when": {"offline": True}})
        assert made.status_code == 201, made.text
        back, lost = await cluster.fleet(number).enroll(), await cluster.fleet(number).enroll()
        async with cluster.fleet(number).line(back), cluster.fleet(number).line(lost):
            await asyncio.to_thread(dying.kill)
        async with cluster.fleet(other).line(back):

            async def is_noticed() -> bool:
                return bool(await rest.data("/alerts", rule="offline"))

            await until(is_noticed, seconds=OFFLINE_SECONDS + SWEEPER_SECONDS)
            assert [a["deviceId"] for a in await rest.data("/alerts")] == [lost]
