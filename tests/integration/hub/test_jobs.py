"""Jobs of two replicas over a real Postgres: one runs each, another takes over, nothing is done for
a job by two."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

import sql
from hub.base.database import Connection, Database
from hub.base.job_runner import JobRunner
from hub.base.job_store import JobStore, add_jobs, fence, go_on, remove_job
from hub.base.jobs import (
    HeldJob,
    JobKind,
    JobRenewal,
    LeaseLost,
    Room,
    RunEnd,
    RunOutcome,
    every,
)
from protocol.ids import DEFAULT_ORG, ReplicaId
from tests.integration.hub.conftest import Cluster
from tests.integration.hub.hubs import until
from tests.tasks import in_background

ONE, TWO = ReplicaId("r-1"), ReplicaId("r-2")
ROOM = [Room("work", 1000, 60.0)]
LEASES_END = "UPDATE job SET lease_until = now() - interval '1 s' WHERE holder IS NOT NULL"
WRITTEN = "CREATE TABLE written (holder text, due timestamptz, UNIQUE (due))"


async def add(database: Database, count: int = 1) -> None:
    async with database.transaction() as connection:
        await add_jobs(connection, "work", DEFAULT_ORG, [f"k{n}" for n in range(count)])


async def claim(database: Database, replica: ReplicaId) -> list[HeldJob]:
    return [each.job for each in await JobStore(database, replica).claim(ROOM)]


async def test_a_job_is_one_replicas_until_its_lease_ends(database: Database) -> None:
    await add(database)
    (job,) = await claim(database, ONE)
    assert (job.org, job.key, job.epoch) == (DEFAULT_ORG, "k0", 1)
    assert await claim(database, TWO) == []
    await database.execute(LEASES_END)
    (taken,) = await claim(database, TWO)
    assert (taken.job_id, taken.holder, taken.epoch) == (job.job_id, TWO, 2)


async def test_replicas_that_claim_at_once_share_what_there_is(database: Database) -> None:
    await add(database, 200)
    rooms = [Room("work", 20, 60.0)]
    stores = [JobStore(database, ReplicaId(f"r-{n}")) for n in range(20)]
    found = await asyncio.gather(*(store.claim(rooms) for store in stores))
    claimed = [each.job.job_id for jobs in found for each in jobs]
    assert len(claimed) == len(set(claimed))
    assert all(len(jobs) <= 20 for jobs in found)


async def test_who_lost_a_job_writes_nothing_more_for_it(database: Database) -> None:
    await add(database)
    (job,) = await claim(database, ONE)
    await database.execute(LEASES_END)
    await claim(database, TWO)
    with pytest.raises(LeaseLost):
        async with database.transaction() as connection:
            await fence(connection, job)
    async with database.transaction() as connection:
        assert not await go_on(connection, job, 60.0)
        await remove_job(connection, job)
    store = JobStore(database, ONE)
    assert await store.renew([JobRenewal(job.job_id, job.epoch, 60.0, True)]) == []
    await store.end_runs([RunEnd(job, RunOutcome())])
    await store.give_back()
    assert await database.fetchval("SELECT holder FROM job") == TWO


async def test_nobody_takes_a_job_in_the_middle_of_a_fenced_write(database: Database) -> None:
    """Although its lease is over; and it can be renewed meanwhile."""
    await add(database)
    (job,) = await claim(database, ONE)
    async with database.transaction() as connection:
        await fence(connection, job)
        await database.execute(LEASES_END)
        assert await claim(database, TWO) == []
        renewal = JobRenewal(job.job_id, job.epoch, 60.0, True)
        assert await JobStore(database, ONE).renew([renewal]) == [job.job_id]
    await database.execute(LEASES_END)
    assert len(await claim(database, TWO)) == 1


async def test_a_claim_under_way_is_waited_for_by_the_fence(database: Database) -> None:
    await add(database)
    (job,) = await claim(database, ONE)
    await database.execute(LEASES_END)
    async with database.transaction() as connection:
        claims = sql.queries("jobs")["claim"]
        assert len(await connection.fetch(claims, TWO, ["work"], [1], [60.0])) == 1
        waiting = asyncio.ensure_future(fenced(database, job))
        await until(lambda: is_blocked(database))
    with pytest.raises(LeaseLost):
        await waiting


async def fenced(database: Database, job: HeldJob) -> None:
    async with database.transaction() as connection:
        await fence(connection, job)


async def is_blocked(database: Database) -> bool:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    return bool(await database.fetchval(waits))


async def test_all_that_is_held_is_renewed_and_given_back_by_one_statement(
    database: Database,
) -> None:
    await add(database, 500)
    store = JobStore(database, ONE)
    jobs = await claim(database, ONE)
    await database.execute(LEASES_END)
    renewals = [JobRenewal(job.job_id, job.epoch, 60.0, True) for job in jobs]
    assert sorted(await store.renew(renewals)) == sorted(job.job_id for job in jobs)
    assert await database.fetchval("SELECT count(DISTINCT lease_until) FROM job") == 1
    await store.end_runs([RunEnd(job, RunOutcome(wait=60.0)) for job in jobs])
    assert await database.fetchval("SELECT count(*) FROM job WHERE holder IS NULL") == 500
    assert await claim(database, ONE) == []


async def test_who_asks_for_another_run_during_one_gets_it(database: Database) -> None:
    await add(database)
    (job,) = await claim(database, ONE)
    await database.execute("UPDATE job SET next_run = now(), wait = '0'")
    await JobStore(database, ONE).end_runs([RunEnd(job, RunOutcome())])
    assert len(await claim(database, TWO)) == 1


async def test_whatever_a_peer_says_is_noted_as_far_as_it_can_be(database: Database) -> None:
    await add(database)
    (job,) = await claim(database, ONE)
    said = "a\0b\ud800" + "c" * 600
    await JobStore(database, ONE).end_runs([RunEnd(job, RunOutcome(wait=1.0, error=said))])
    noted = await database.fetchval("SELECT last_error FROM job")
    assert noted == "a\ufffdb?" + "c" * 496


async def test_a_clock_that_is_set_back_holds_no_job(database: Database) -> None:
    await add(database)
    await claim(database, ONE)
    await database.execute("UPDATE job SET lease_until = now() + interval '10 years'")
    assert len(await claim(database, TWO)) == 1


async def test_who_is_alone_has_what_the_dead_held(database: Database) -> None:
    await add(database)
    await claim(database, ONE)
    await JobRunner(JobStore(database, TWO), []).prepare(alone=True)
    assert len(await claim(database, TWO)) == 1


async def test_a_kind_that_is_to_run_more_often_waits_no_longer_for_it(database: Database) -> None:
    async def nothing(_: HeldJob) -> None: ...

    store = JobStore(database, ONE)
    waits = "SELECT extract(epoch FROM next_run - now())::int FROM job"
    for seconds, left in ((600.0, 600), (60.0, 60), (600.0, 60)):
        await store.prepare([every(seconds, "only", nothing)])
        assert abs(await database.fetchval(waits) - left) <= 5
    assert await database.fetchval("SELECT count(*) FROM job") == 1


# With the loop of each replica


class Worker:
    """What one replica runs of the kind "work"; it waits there while `hold` is set."""

    def __init__(self, database: Database, replica: ReplicaId, **kind: object) -> None:
        self.ran: list[HeldJob] = []
        self.hold: asyncio.Event | None = None
        self.outcome: Callable[[HeldJob], RunOutcome] = lambda _: RunOutcome(wait=0.0)
        of_kind = JobKind(name="work", run=self.run, **kind)  # pyright: ignore[reportArgumentType]
        self.runner = JobRunner(JobStore(database, replica), [of_kind])

    async def run(self, job: HeldJob) -> RunOutcome:
        self.ran.append(job)
        if self.hold is not None:
            await self.hold.wait()
        return self.outcome(job)

    async def until_ran(self, count: int = 1) -> None:
        async def has_run() -> bool:
            return len(self.ran) >= count

        await until(has_run)


@asynccontextmanager
async def two_workers(database: Database, **kind: object) -> AsyncGenerator[tuple[Worker, Worker]]:
    """The first has the only job."""
    await add(database)
    one, two = Worker(database, ONE, **kind), Worker(database, TWO, **kind)
    async with in_background(one.runner.run()):
        await one.until_ran()
        async with in_background(two.runner.run()):
            yield one, two


async def test_a_job_that_is_kept_runs_on_one_replica_only(database: Database) -> None:
    async with two_workers(database, keeps=True) as (one, two):
        await one.until_ran(20)
    assert two.ran == []
    assert {job.epoch for job in one.ran} == {1}


async def test_another_replica_goes_on_when_the_holder_dies(database: Database) -> None:
    await add(database)
    one, two = Worker(database, ONE, keeps=True), Worker(database, TWO, keeps=True)
    async with in_background(one.runner.run()):
        await one.until_ran()
    async with in_background(two.runner.run()):
        await database.execute(LEASES_END)
        await two.until_ran()
    assert two.ran[0].epoch > one.ran[0].epoch


@pytest.mark.parametrize("is_under_way", [False, True])
async def test_who_stops_gives_back_at_once(database: Database, is_under_way: bool) -> None:
    async with two_workers(database, keeps=True, lease=3600.0) as (one, two):
        one.hold = asyncio.Event() if is_under_way else None
        await one.until_ran(len(one.ran) + 1)
        await one.runner.stop()
        await two.until_ran()
        ran = len(one.ran)
        await two.until_ran(10)
        assert len(one.ran) == ran


async def test_a_run_that_fails_is_noted_and_repeated(database: Database) -> None:
    def fail(_: HeldJob) -> RunOutcome:
        raise ValueError("a defect")

    async with two_workers(database) as (one, two):
        one.outcome = two.outcome = fail

        async def is_noted() -> bool:
            row = await database.fetchrow("SELECT failures, last_error FROM job")
            return row is not None and tuple(row) == (1, "ValueError")

        await until(is_noted)
        one.outcome = two.outcome = lambda _: RunOutcome()

        async def is_well() -> bool:
            return await database.fetchval(
                "SELECT failures = 0 AND last_error IS NULL AND next_run IS NULL FROM job"
            )

        await until(is_well)


async def test_a_loop_that_failed_begins_anew_with_nothing(database: Database) -> None:
    await add(database)
    one = Worker(database, ONE, keeps=True, lease=3600.0)
    for _ in range(2):
        async with in_background(one.runner.run()):
            await one.until_ran(len(one.ran) + 1)
    assert {job.epoch for job in one.ran} == {1, 2}


async def test_a_database_that_is_away_ends_no_loop(
    database: Database, cluster: Cluster, database_name: str
) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
    async with two_workers(database, keeps=True) as (one, two):
        await cluster.as_superuser(f"{cut} '{database_name}'")
        await one.until_ran(len(one.ran) + 10)
        await one.runner.stop()
        await two.until_ran()


# Due times of a calendar: what schedules will be


class Calendar:
    """A replica whose runs write one row for their due time, a fenced one, and are due again a
    fixed time after it."""

    def __init__(self, database: Database, replica: ReplicaId) -> None:
        self._database = database
        self.dies_at = 0
        self._runs = 0
        kind = JobKind(name="work", run=self.run, lease=1.0)
        self.runner = JobRunner(JobStore(database, replica), [kind])

    async def run(self, job: HeldJob) -> RunOutcome:
        self._runs += 1
        if self._runs == self.dies_at:
            await asyncio.Event().wait()
        async with self._database.transaction() as connection:
            await fence(connection, job)
            await write(connection, job)
        if self._runs == self.dies_at + 3:
            await asyncio.Event().wait()  # what was committed is joined by the next
        return RunOutcome(at=job.due + timedelta(milliseconds=100))


async def write(connection: Connection, job: HeldJob) -> None:
    await connection.execute(
        "INSERT INTO written VALUES ($1, $2) ON CONFLICT DO NOTHING", job.holder, job.due
    )


async def test_each_due_time_has_one_run_whoever_dies(database: Database, owner: Database) -> None:
    await owner.execute(WRITTEN)
    await owner.execute("GRANT SELECT, INSERT ON written TO longline_hub")
    await add(database)
    begins: datetime = await database.fetchval("SELECT next_run FROM job")
    replicas = [Calendar(database, ReplicaId(f"r-{n}")) for n in range(3)]
    replicas[0].dies_at, replicas[1].dies_at = 4, 2

    async def has_enough() -> bool:
        return await database.fetchval("SELECT count(*) FROM written") >= 40

    async with in_background(*(each.runner.run() for each in replicas)):
        await until(has_enough, seconds=60)
    rows = await database.fetch("SELECT due FROM written ORDER BY due")
    step = timedelta(milliseconds=100)
    assert [row["due"] for row in rows] == [begins + n * step for n in range(len(rows))]
