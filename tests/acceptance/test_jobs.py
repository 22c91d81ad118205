"""Jobs of a cluster: when their holder is killed, stands still or leaves, the other replica has
them, and says so in time."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest_asyncio

from tests.acceptance.chaos.cluster import Cluster, Replica, running_cluster
from tests.acceptance.hub.clients import Rest, until

OVER_SECONDS = 12.0
"""A lease of 9 s, a look each second, and what this machine takes."""
STALL_SECONDS = 12.0
"""Longer than a lease."""
ONLY = {
    "alerts", "approvals", "audit_seal", "certificate_scan", "clean_up", "config_turns", "expiries",
    "group_sweep", "notifications", "roll_up", "rule_sweep", "schedules", "sessions", "webhooks",
    "workload_registries", "workload_targets",
}  # fmt: skip


class Job(NamedTuple):
    holder: str | None
    epoch: int


class Jobs:
    def __init__(self, cluster: Cluster, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._cluster = cluster
        self._connection = connection

    async def now(self, kind: str = "expiries") -> Job:
        row = await self._connection.fetchrow("SELECT * FROM job WHERE kind = $1", kind)
        assert row is not None
        return Job(row["holder"], row["epoch"])

    async def kinds(self) -> set[str]:
        return {row["kind"] for row in await self._connection.fetch("SELECT kind FROM job")}

    async def until(
        self, has: Callable[[Job], bool], *, seconds: float, kind: str = "expiries"
    ) -> float:
        """How long it took."""
        began = time.monotonic()

        async def has_come() -> bool:
            return has(await self.now(kind))

        await until(has_come, seconds=seconds)
        return time.monotonic() - began

    async def holder(self, kind: str = "expiries") -> tuple[Replica, Replica, Job]:
        """Who has the job of this kind, the other one, and the job."""
        await self.until(lambda job: job.holder is not None, seconds=10, kind=kind)
        job = await self.now(kind)
        address = await self._connection.fetchval(
            "SELECT address FROM replica WHERE replica_id = $1", job.holder
        )
        first, second = self._cluster.replicas
        here = str(address).endswith(f":{first.port}")
        return (first, second, job) if here else (second, first, job)


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[Cluster]:
    async with running_cluster(tmp_path, replicas=2) as cluster:
        yield cluster


@asynccontextmanager
async def jobs_of(cluster: Cluster) -> AsyncGenerator[Jobs]:
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        yield Jobs(cluster, connection)
    finally:
        await connection.close()


async def expires(cluster: Cluster, replica: Replica) -> None:
    """A command that waits for a device which never comes ends as it should."""
    async with cluster.fleet(cluster.replicas.index(replica)).new_line() as device:
        device_id = device.device_id
    async with Rest.open(replica.url, cluster.admin_token) as rest:
        at = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        command_id = await rest.accept(device_id, delivery="queue", expiresAt=at)
        await rest.until_status(device_id, command_id, "EXPIRED", seconds=10)


async def freeze_and_thaw(replica: Replica, wait: Awaitable[object]) -> None:
    replica.freeze()
    try:
        await wait
    finally:
        replica.thaw()


async def test_when_the_holder_is_killed_the_other_replica_goes_on(cluster: Cluster) -> None:
    async with jobs_of(cluster) as jobs:
        assert await jobs.kinds() == ONLY, "without a cloud there are no lanes"
        holder, other, job = await jobs.holder()
        await expires(cluster, other)
        await asyncio.to_thread(holder.kill)
        took = await jobs.until(
            lambda now: now.holder not in (None, job.holder), seconds=OVER_SECONDS
        )
        assert took < OVER_SECONDS
        assert (await jobs.now()).epoch > job.epoch
        await expires(cluster, other)


async def deploy(cluster: Cluster, device_id: str) -> None:
    """A release for one device."""
    async with Rest.open(cluster.urls[0], cluster.admin_token) as rest:
        made = await rest.client.post(
            "/firmware/releases",
            params={"version": "2.0"},
            content=b"an artifact",
            headers={"Content-Type": "application/octet-stream"},
        )
        assert made.status_code == 201, made.text
        release_id = made.json()["data"]["id"]
        body = {"releaseId": release_id, "target": {"deviceIds": [device_id]}}
        assert (await rest.post("/firmware/deployments", body)).status_code == 201


async def test_a_deployment_goes_on_when_its_driver_is_killed(cluster: Cluster) -> None:
    async with cluster.fleet().new_line() as device:
        device_id = device.device_id
    await deploy(cluster, device_id)
    async with jobs_of(cluster) as jobs:
        driver, other, _ = await jobs.holder("campaign")
        await asyncio.to_thread(driver.kill)
        async with cluster.fleet(cluster.replicas.index(other)).line(device_id) as device:
            await device.hello(version="1.0")
            await device.find("update_firmware", seconds=OVER_SECONDS)


async def test_who_leaves_gives_its_jobs_to_the_other_replica_at_once(cluster: Cluster) -> None:
    async with jobs_of(cluster) as jobs:
        holder, other, job = await jobs.holder()
        await asyncio.to_thread(holder.stop)
        assert (await jobs.now()).holder != job.holder
        await jobs.until(lambda now: now.holder not in (None, job.holder), seconds=3)
        await expires(cluster, other)


async def test_a_holder_that_stood_still_finds_that_it_lost_its_job(cluster: Cluster) -> None:
    async with jobs_of(cluster) as jobs:
        holder, other, job = await jobs.holder()
        taken = jobs.until(lambda now: now.holder not in (None, job.holder), seconds=OVER_SECONDS)
        await freeze_and_thaw(holder, taken)

        async def knows() -> bool:
            return "job_lost" in holder.log()

        await until(knows, seconds=10)
        now = await jobs.now()
        await expires(cluster, other)
        assert await jobs.now() == now, "it took nothing back"


async def test_after_a_stall_of_postgres_longer_than_a_lease_jobs_go_on(cluster: Cluster) -> None:
    async with jobs_of(cluster) as jobs:
        await jobs.holder()
    cluster.servers.signal("postgres", signal.SIGSTOP)
    try:
        await asyncio.sleep(STALL_SECONDS)
    finally:
        cluster.servers.signal("postgres", signal.SIGCONT)
    async with Rest.open(cluster.urls[0]) as rest:

        async def is_ready() -> bool:
            return (await rest.client.get(f"{cluster.urls[0]}/readyz")).status_code == 200

        await until(is_ready)
    await expires(cluster, cluster.replicas[0])
