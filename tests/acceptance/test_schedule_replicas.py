"""Schedules of a cluster: whichever replica is killed at whichever step, each device has just one
command for a due time. And a clock that is set."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.acceptance.chaos.cluster import Cluster, Replica, running_cluster
from tests.acceptance.chaos.steps import OF_SCHEDULES
from tests.acceptance.clock import ClockedHub, needs_faketime
from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import log_in

DEVICES = 5000
OVER_SECONDS = 60.0
"""A lease of 9 s, what is left of the run, and what this machine takes."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    async with running_cluster(folder, replicas=3) as cluster:
        connection = await asyncpg.connect(cluster.servers.owner_url)
        await connection.execute(
            "INSERT INTO device (org_id, device_id, name)"
            " SELECT 'default', 'd' || n, 'd' || n FROM generate_series(1, $1::integer) n",
            DEVICES,
        )
        await connection.execute(
            "INSERT INTO device_state (org_id, device_id)"
            " SELECT org_id, device_id FROM device ON CONFLICT DO NOTHING"
        )
        await connection.close()
        yield cluster


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def make(rest: Rest, **more: object) -> str:
    """One for every device, all of which are away: the command waits, or fails at once."""
    everyone = {"query": 'not id = ""'}
    body = {"name": "all", "target": everyone, "command": {"type": "force_sync"}, **more}
    made = await rest.post("/schedules", body)
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def ended(cluster: Cluster, schedule_id: str) -> Json:
    """Its one run, when that is over; asked of whichever replica lives."""
    found: list[Json] = []

    async def is_over() -> bool:
        nonlocal found
        alive = [each for each in cluster.replicas if each.running()]
        try:
            async with Rest.open(alive[0].url, cluster.admin_token) as rest:
                found = await rest.data(f"/schedules/{schedule_id}/runs")
        except (OSError, AssertionError):
            return False  # it was killed a moment ago
        return bool(found) and found[0]["status"] not in ("RUNNING",)

    await until(is_over, seconds=OVER_SECONDS)
    (run,) = found
    return run


async def restart(replica: Replica) -> None:
    replica.trap.unlink(missing_ok=True)
    if not replica.running():
        await asyncio.to_thread(replica.start)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("step", OF_SCHEDULES)
async def test_each_device_has_one_command_whoever_dies(cluster: Cluster, step: str) -> None:
    """Whoever passes the step first kills itself, once."""
    async with Rest.open(cluster.urls[0], cluster.admin_token) as rest:
        schedule_id = await make(rest, at=soon(2))
    for replica in cluster.replicas:
        replica.trap.write_text(step)

    async def somebody_died() -> bool:
        return not all(replica.running() for replica in cluster.replicas)

    await until(somebody_died, seconds=30)
    for replica in cluster.replicas:
        replica.trap.unlink(missing_ok=True)
    run = await ended(cluster, schedule_id)
    for replica in cluster.replicas:
        await restart(replica)
    counts = run["counts"]
    assert (run["status"], counts["failed"], counts["skipped"]) == ("FAILED", DEVICES, 0)
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        rows = await connection.fetch(
            "SELECT device_id, count(*) AS count FROM command WHERE batch_id = $1"
            " GROUP BY device_id",
            run["batchId"],
        )
        audited = await connection.fetchval(
            "SELECT count(*) FROM audit_log WHERE action = 'command.force_sync'"
            " AND detail ->> 'batchId' = $1",
            run["batchId"],
        )
    finally:
        await connection.close()
    assert len(rows) == DEVICES
    assert {row["count"] for row in rows} == {1}
    assert audited == DEVICES


@pytest.mark.asyncio(loop_scope="module")
async def test_three_replicas_run_each_minute_once(cluster: Cluster) -> None:
    """Many schedules of one minute, seen by all replicas."""
    async with Rest.open(cluster.urls[0], cluster.admin_token) as rest:
        target = {"deviceIds": ["d1"]}
        ids = [await make(rest, cron="* * * * *", target=target) for _ in range(30)]
        for schedule_id in ids:

            async def has_run(schedule_id: str = schedule_id) -> bool:
                return bool(await rest.data(f"/schedules/{schedule_id}/runs"))

            await until(has_run, seconds=90)
        for schedule_id in ids:
            assert (await rest.client.delete(f"/schedules/{schedule_id}")).status_code == 200
    connection = await asyncpg.connect(cluster.servers.owner_url)
    try:
        most = await connection.fetchval(
            "SELECT max(count) FROM (SELECT count(*) AS count FROM command"
            " WHERE device_id = 'd1' AND batch_id LIKE 'run-%' GROUP BY batch_id) c"
        )
    finally:
        await connection.close()
    assert most == 1


# A clock that is set


@pytest.fixture
def clocked(tmp_path: Path) -> Generator[ClockedHub]:
    hub = ClockedHub(tmp_path, user_token_seconds=str(20 * 365 * 86_400))
    hub.start()
    yield hub
    if hub.running():
        hub.kill()


@needs_faketime
async def test_a_clock_that_is_set_runs_nothing_twice_and_misses_what_it_leaps(
    clocked: ClockedHub,
) -> None:
    token = log_in(clocked.url, "admin", clocked.ready["adminPassword"])
    async with Rest.open(clocked.url, token) as rest:
        ids = {
            missed: await make(rest, cron="0 * * * *", missed=missed)
            for missed in ("skip", "run_once")
        }

        async def runs(missed: str) -> list[Json]:
            found: list[Json] = await rest.data(f"/schedules/{ids[missed]}/runs", limit=500)
            return found

        async def has_leapt() -> bool:
            return bool(await runs("skip")) and bool(await runs("run_once"))

        clocked.step("+5h")
        await until(has_leapt, seconds=30)
        leapt = await runs("skip")
        assert [run["status"] for run in leapt].count("MISSED") in (4, 5)
        (once,) = await runs("run_once")
        assert once["standsFor"] in (4, 5)

        clocked.step("+0")

        async def comes_again() -> bool:
            coming = (await rest.data(f"/schedules/{ids['skip']}"))["nextRuns"][0]
            return datetime.fromisoformat(coming) < datetime.now(UTC) + timedelta(hours=2)

        await until(comes_again, seconds=30)
        assert len(await runs("skip")) == len(leapt), "what is set back begins nothing"
        clocked.step("+5h")
        made = await make(rest, cron="* * * * *")

        async def the_minute_came() -> bool:
            return bool(await rest.data(f"/schedules/{made}/runs"))

        await until(the_minute_came, seconds=90)
        assert len(await runs("skip")) in (len(leapt), len(leapt) + 1)
        assert len({run["due"] for run in await runs("skip")}) == len(await runs("skip"))
        assert [run["id"] for run in await runs("run_once")] == [once["id"]]
