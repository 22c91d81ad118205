"""Schedules over a real Postgres: one run a due time, whoever looks and whoever dies."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from hub.approvals.service import ApprovalStatus
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.errors import Conflict, Forbidden, Invalid, NeedsSignature, NotFound, TooMany
from hub.base.holding import Grant, Holding, Scope
from hub.base.job_store import JobStore
from hub.base.jobs import HeldJob, LeaseLost, Room
from hub.base.present import bring_to_present
from hub.campaigns.service import CampaignService, Target, Terms
from hub.campaigns.store import CampaignStore
from hub.rights.access import right_to_dispatch
from hub.schedules import checking
from hub.schedules import driver as driving
from hub.schedules import due as due_looks
from hub.schedules import service as serving
from hub.schedules.beginning import Beginning
from hub.schedules.checking import ScheduleChecks
from hub.schedules.driver import RunDriver
from hub.schedules.due import DueLooks
from hub.schedules.owners import Owners
from hub.schedules.records import (
    JOB,
    RUN_JOB,
    GivenSchedule,
    RunStatus,
    Schedule,
    ScheduledCampaign,
    ScheduledCommand,
    ScheduleRun,
    ScheduleStatus,
)
from hub.schedules.service import ScheduleService
from hub.schedules.store import ScheduleStore
from hub.schedules.timing import Come, Timing, come
from hub.schedules.watching import ScheduleWatch
from protocol.commands import Command, ForceSync, RebootOs
from protocol.dashboard import AlertEvent, RecordChanged
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId, OrgId
from protocol.replies import Result, ResultError
from tests.factories import make_principal
from tests.integration.hub.hubs import Hub, Line, add_devices, add_member, running_hub

BY = make_principal("ADMIN")
LEASE_SECONDS = 60.0
"""No lease runs out by itself here."""
MOVE = "UPDATE device SET timezone = $2 WHERE device_id = $1"
LATER = datetime(2100, 1, 1, tzinfo=UTC)
MINUTELY = Timing(cron="* * * * *")


class Finder:
    """Whom targets mean."""

    def __init__(self) -> None:
        self.devices: list[DeviceId] = []

    async def find(self, org: OrgId, target: Target) -> list[DeviceId]:
        if target.group_id is not None:
            raise NotFound("no such group")
        return list(target.device_ids or self.devices)

    async def known(self, org: OrgId, device_ids: Collection[str]) -> set[str]:
        return set(device_ids)


class Replica:
    """The schedules of one replica; its jobs run when the test says so."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.finder = Finder()
        database, told = hub.database, hub.told.telemetry
        audit = AuditService(AuditStore(database))
        self.campaigns = CampaignService(
            CampaignStore(database), hub.commands, audit, told, hub.approvals, self.finder,
            time.time, hub.memory,
        )  # fmt: skip
        self.store = ScheduleStore(database)
        owners, beginning = Owners(hub.memory), Beginning(self.store, told)
        self.due = DueLooks(self.store, beginning, wake_jobs=lambda: None)
        self.driver = RunDriver(
            self.store, hub.commands, self.campaigns, hub.approvals, owners, beginning,
            wake_jobs=lambda: None,
        )  # fmt: skip
        self.watch = ScheduleWatch(self.store, owners, audit, told)
        self.schedules = ScheduleService(
            self.store, audit, ScheduleChecks(self.store, hub.commands, self.campaigns, time.time),
            self.campaigns, hub.approvals, hub.memory, beginning, wake_jobs=lambda: None,
        )  # fmt: skip
        self.jobs = JobStore(database, hub.replica_id)

    async def make(
        self,
        devices: Sequence[DeviceId],
        timing: Timing = MINUTELY,
        command: Command | None = None,
        by: Any = BY,
        **given: Any,
    ) -> Schedule:
        self.finder.devices = list(devices)
        work = ScheduledCommand(command=command or ForceSync())
        fields: dict[str, Any] = {
            "name": "s", "timing": timing, "target": Target(query="all"), "work": work, **given,
        }  # fmt: skip
        made = await self.schedules.create(by, GivenSchedule(**fields))
        assert isinstance(made, Schedule)
        return made

    async def claim(self, kind: str) -> list[HeldJob]:
        claimed = await self.jobs.claim([Room(kind, 1000, LEASE_SECONDS)])
        return [each.job for each in claimed]

    async def look(self) -> None:
        """Whatever is due is seen, once, and looks are due again."""
        for job in await self.claim(JOB):
            await self.due.run(job)
        await self.release()

    async def release(self) -> None:
        await self.hub.database.execute(
            "UPDATE job SET holder = NULL, lease_until = NULL, next_run = now()"
        )

    async def drive(self) -> None:
        """Every run that is under way takes the steps that it can."""
        for job in await self.claim(RUN_JOB):
            await self.driver.run(job)
        await self.release()

    async def runs(self, schedule: Schedule) -> list[ScheduleRun]:
        """The oldest first."""
        page = await self.schedules.runs(BY, schedule.schedule_id, cursor=None, limit=500)
        return page.items[::-1]

    async def comes_due(self, schedule: Schedule, ago: float = 30.0) -> None:
        """It was looked at so long ago."""
        await self.hub.database.execute(
            "UPDATE schedule SET since = date_trunc('minute', now()) - $2::interval"
            " WHERE schedule_id = $1",
            schedule.schedule_id,
            timedelta(seconds=ago),
        )

    async def due_now(self, schedule: Schedule) -> ScheduleRun:
        """The run of this minute, which is due."""
        await self.comes_due(schedule)
        await self.look()
        return (await self.runs(schedule))[-1]


@asynccontextmanager
async def replica(database: Database, count: int = 0) -> AsyncGenerator[tuple[Replica, list[Line]]]:
    await add_member(database)
    devices = await add_devices(database, count) if count else []
    async with running_hub(database) as hub:
        lines = [await hub.line(device_id) for device_id in devices]
        yield Replica(hub), lines


async def answer(hub: Hub, line: Line, *, success: bool = True) -> None:
    """Whatever came down and was not answered yet."""
    for frame in await line.until(1, "force_sync"):
        command_id = CommandId(str(frame["id"]))
        hub.commands.replied(line.session, Result(command_id=command_id, success=success))
    await hub.commands.flush()


async def commands_of(database: Database, run: ScheduleRun) -> list[tuple[str, str]]:
    rows = await database.fetch(
        "SELECT device_id, command_id FROM command WHERE batch_id = $1 ORDER BY device_id",
        run.run_id,
    )
    return [(row["device_id"], row["command_id"]) for row in rows]


async def test_a_due_time_is_one_run_for_each_device(database: Database) -> None:
    async with replica(database, 2) as (one, lines):
        schedule = await one.make([DeviceId("d1"), DeviceId("d2")])
        await one.look()
        assert await one.runs(schedule) == [], "it begins with what is due next"
        run = await one.due_now(schedule)
        assert (run.status, run.stands_for, run.total) == (RunStatus.RUNNING, None, None)
        await one.drive()
        assert [device for device, _ in await commands_of(database, run)] == ["d1", "d2"]
        (run,) = await one.runs(schedule)
        assert (run.counts.in_progress, run.total, run.sent) == (2, 2, 2)
        for line in lines:
            await answer(one.hub, line)
        await one.drive()
        (run,) = await one.runs(schedule)
        assert (run.status, run.counts.success, run.error) == (RunStatus.DONE, 2, None)
        assert run.finished_at is not None
        assert await one.claim(RUN_JOB) == [], "nobody drives what is over"
        changed = [each for each in one.hub.told.events if isinstance(each, RecordChanged)]
        assert {(each.kind, each.id) for each in changed} == {("schedule", schedule.schedule_id)}
    rows = await database.fetch(
        "SELECT actor_id, target, detail FROM audit_log WHERE action = 'command.force_sync'"
        " ORDER BY target"
    )
    via = f"schedule:{schedule.schedule_id}"
    assert [(r["actor_id"], r["target"], r["detail"]["via"]) for r in rows] == [
        ("u1", "d1", via), ("u1", "d2", via),
    ]  # fmt: skip


async def test_looking_twice_begins_nothing_twice(database: Database) -> None:
    async with replica(database, 1) as (one, _), running_hub(database, "r-2") as other:
        schedule = await one.make([DeviceId("d1")])
        two = Replica(other)
        for _ in range(3):
            await one.comes_due(schedule)
            await one.release()
            for each in (one, two):
                await each.look()
        assert len(await one.runs(schedule)) == 1


async def test_what_has_come_is_counted_with_nothing_locked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change waits for no count, and what was counted before it is not written."""
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        await one.comes_due(schedule)
        loop, counts = asyncio.get_running_loop(), 0

        async def change() -> None:
            async with asyncio.timeout(5):
                await database.execute("UPDATE schedule SET revision = revision + 1")

        def slow(*given: Any) -> Come:
            nonlocal counts
            counts += 1
            if counts == 1:
                asyncio.run_coroutine_threadsafe(change(), loop).result()
            return come(*given)

        monkeypatch.setattr(due_looks, "come", slow)
        await one.look()
        assert await one.runs(schedule) == []
        await one.look()
        assert [run.revision for run in await one.runs(schedule)] == [schedule.revision + 1]


async def test_times_are_counted_beside_the_loop_one_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    both = threading.Barrier(2)

    def counted(*given: Any) -> list[datetime]:
        with pytest.raises(RuntimeError, match="no running"):
            asyncio.get_running_loop()
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)
            at_once.append(2)
        return []

    async with replica(database) as (one, _):
        monkeypatch.setattr(checking, "upcoming", counted)
        asked = [one.schedules.preview(DEFAULT_ORG, MINUTELY, None, 1) for _ in range(2)]
        assert await asyncio.gather(*asked) == [[], []]
        assert at_once == []


async def test_whoever_has_lost_the_job_writes_nothing(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        (job,) = await one.claim(JOB)
        await one.comes_due(schedule)
        with pytest.raises(LeaseLost):
            await one.due.run(replace(job, epoch=job.epoch - 1))
        assert await one.runs(schedule) == []
        await one.due.run(job)
        (run_job,) = await one.claim(RUN_JOB)
        with pytest.raises(LeaseLost):
            await one.driver.run(replace(run_job, epoch=run_job.epoch - 1))
        (run,) = await one.runs(schedule)
        assert (run.total, await commands_of(database, run)) == (None, [])


async def test_what_was_sent_before_a_death_is_joined(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step the driver dies between what it did and the note of it."""
    monkeypatch.setattr(driving, "SLICE", 2)
    async with replica(database, 5) as (one, _):
        devices = [DeviceId(f"d{n}") for n in range(1, 6)]
        schedule = await one.make(devices)
        run = await one.due_now(schedule)
        (job,) = await one.claim(RUN_JOB)
        deaths = 0
        while (await one.runs(schedule))[0].sent < 5:
            await database.execute("UPDATE job SET epoch = epoch + 1 WHERE kind = $1", RUN_JOB)
            with pytest.raises(LeaseLost):  # it has sent, and cannot note it
                await one.driver.step(job)
            job = replace(job, epoch=job.epoch + 1)
            await one.driver.step(job)
            deaths += 1
        assert deaths == 5  # looked up, admitted, three slices
        assert [device for device, _ in await commands_of(database, run)] == devices
        counts = (await one.driver.step(job), (await one.runs(schedule))[0].counts)[1]
        assert (counts.in_progress, counts.skipped) == (5, 0)


async def test_missed_times_have_a_row_each_or_one_run(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        skips = await one.make([DeviceId("d1")])
        once = await one.make([DeviceId("d1")], missed="run_once")
        for schedule in (skips, once):
            await one.comes_due(schedule, ago=5 * 60 + 30)
        await one.look()
        runs = await one.runs(skips)
        assert [run.status for run in runs[:4]] == [RunStatus.MISSED] * 4
        assert [run.stands_for for run in runs[:4]] == [None] * 4
        missed = [run for run in await one.runs(once) if run.stands_for]
        assert [run.stands_for for run in missed] in ([4], [5])
        assert missed[0].status is RunStatus.RUNNING


async def test_of_very_many_missed_times_one_row_tells(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        await one.comes_due(schedule, ago=150 * 60 + 30)
        await one.look()
        missed = [r for r in await one.runs(schedule) if r.status is RunStatus.MISSED]
        assert len(missed) == 101
        assert missed[-1].stands_for in (49, 50)
        assert all(run.stands_for is None for run in missed[:-1])


async def test_a_run_waits_for_no_other_or_takes_its_place(database: Database) -> None:
    async with replica(database, 1) as (one, lines):
        devices = [DeviceId("d1")]
        skip = await one.make(devices)
        allow = await one.make(devices, overlap="allow")
        takes = await one.make(devices, overlap="replace")
        for schedule in (skip, allow, takes):
            await one.schedules.run(BY, schedule.schedule_id)
        await one.drive()
        for schedule in (skip, allow, takes):
            await one.schedules.run(BY, schedule.schedule_id)
        await one.drive()
        assert [r.status for r in await one.runs(skip)] == [RunStatus.RUNNING, RunStatus.SKIPPED]
        assert (await one.runs(skip))[1].error == {
            "code": "still_running", "message": "the run before was still under way",
        }  # fmt: skip
        assert [r.status for r in await one.runs(allow)] == [RunStatus.RUNNING] * 2
        first, second = await one.runs(takes)
        assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.RUNNING)
        assert first.error is not None
        assert first.error["code"] == "replaced"
        asked = await database.fetchval(
            "SELECT cancelled_by FROM command WHERE batch_id = $1", first.run_id
        )
        assert asked == "alice"
        for line in lines:
            await answer(one.hub, line)
        assert (await one.runs(skip))[0].status is RunStatus.RUNNING, "nobody has looked"
        run = await one.schedules.run(BY, skip.schedule_id)
        assert run.status is RunStatus.RUNNING, "the one before is over all the same"


async def test_who_is_away_or_gone_is_told_of(database: Database) -> None:
    async with replica(database, 2) as (one, lines):
        devices = [DeviceId("d1"), DeviceId("d2"), DeviceId("d3")]
        await add_devices(database, 1, first=3)
        schedule = await one.make(devices)
        await database.execute("UPDATE device SET deleted_at = now() WHERE device_id = 'd2'")
        await one.due_now(schedule)
        await one.drive()
        await answer(one.hub, lines[0])
        await one.drive()
        (run,) = await one.runs(schedule)
        counts = run.counts
        assert (run.status, counts.success, counts.failed, counts.skipped) == (
            RunStatus.PARTLY, 1, 1, 1,
        )  # fmt: skip
        assert run.error is not None
        assert run.error["code"] == "device_deleted"


async def test_each_device_has_its_turn_in_the_jitter(database: Database) -> None:
    async with replica(database, 4) as (one, _):
        devices = [DeviceId(f"d{n}") for n in range(1, 5)]
        schedule = await one.make(devices, Timing(cron="0 * * * *"), jitter_seconds=1000)
        run = await one.schedules.run(BY, schedule.schedule_id)
        seen: list[int] = []
        for seconds in (0, 250, 500, 750, 1001):
            await database.execute(
                "UPDATE schedule_run SET started_at = now() - $1::interval",
                timedelta(seconds=seconds),
            )
            await one.drive()
            seen.append(len(await commands_of(database, run)))
        assert seen == sorted(seen)
        assert seen[0] < seen[-1] == 4


async def test_a_schedule_that_has_changed_sends_nothing_more(database: Database) -> None:
    async with replica(database, 2) as (one, _):
        devices = [DeviceId("d1"), DeviceId("d2")]
        schedule = await one.make(devices, Timing(cron="0 * * * *"), jitter_seconds=1700)
        run = await one.schedules.run(BY, schedule.schedule_id)
        await one.drive()
        await one.schedules.replace(BY, schedule.schedule_id, replace(schedule.given, name="t"))
        await one.drive()
        assert await commands_of(database, run) == []
        (run,) = await one.runs(schedule)
        assert (run.status, run.counts.skipped) == (RunStatus.FAILED, 2)
        assert run.error is not None
        assert run.error["code"] == "changed"


async def test_one_that_is_gone_has_no_runs_and_no_jobs(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        await one.schedules.run(BY, schedule.schedule_id)
        await one.schedules.delete(BY, schedule.schedule_id)
        await one.drive()
        await one.look()
        assert await database.fetchval("SELECT count(*) FROM job WHERE kind LIKE 'schedule%'") == 0
        with pytest.raises(NotFound):
            await one.schedules.get(BY, schedule.schedule_id)
        assert await database.fetchval("SELECT count(*) FROM command") == 0


async def test_a_moment_comes_once_and_is_over(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        at = datetime.now(UTC) + timedelta(seconds=1)
        schedule = await one.make([DeviceId("d1")], Timing(at=at))
        await asyncio.sleep(1.1)
        await one.release()
        await one.look()
        (run,) = await one.runs(schedule)
        assert run.due == at
        ended = await one.schedules.get(BY, schedule.schedule_id)
        assert ended.status is ScheduleStatus.ENDED
        assert await one.schedules.coming(DEFAULT_ORG, [ended]) == [[]]
        with pytest.raises(Conflict):
            await one.schedules.run(BY, schedule.schedule_id)
        await one.look()
        assert len(await one.runs(schedule)) == 1


async def test_a_clock_that_is_set_back_runs_nothing_twice(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")], overlap="allow")
        await one.due_now(schedule)
        await database.execute("UPDATE schedule SET since = now() + interval '10 years'")
        await database.execute("UPDATE job SET next_run = now() + interval '10 years'")
        await one.look()
        await one.watch.look()
        await one.comes_due(schedule)
        await one.look()
        assert len(await one.runs(schedule)) == 1
        assert (await one.schedules.get(BY, schedule.schedule_id)).since < datetime.now(UTC)


async def test_g18_a_run_of_the_future_goes_on(database: Database) -> None:
    """The turns of the jitter are counted from when it began."""
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        run = await one.due_now(schedule)
        ahead = "UPDATE schedule_run SET started_at = now() + $1::interval"
        await database.execute(ahead, timedelta(days=3650))
        async with database.connection() as connection:
            driven = await one.store.driven(connection, (DEFAULT_ORG, run.run_id))
        assert driven is not None
        assert driven.seconds == 0
        await bring_to_present(database)
        (run,) = await one.runs(schedule)
        assert run.started_at is not None
        assert run.started_at < datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize("loss", ["disabled", "demoted", "gone"])
async def test_who_has_lost_the_right_sends_nothing_more(
    database: Database, owner: Database, loss: str
) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        run = await one.schedules.run(BY, schedule.schedule_id)
        statement = {
            "disabled": "UPDATE member SET disabled = true",
            "demoted": "UPDATE role_binding SET role = 'VIEWER'",
            "gone": "DELETE FROM role_binding",
        }[loss]
        await owner.execute(statement)
        one.hub.memory.forget(DEFAULT_ORG, "*")
        await one.watch.look()
        await one.drive()
        found = await one.schedules.get(BY, schedule.schedule_id)
        assert (found.status, found.why) == (ScheduleStatus.SUSPENDED, "owner_lacks_right")
        assert await commands_of(database, run) == []
        (run,) = await one.runs(schedule)
        assert run.error is not None
        assert (run.status, run.error["code"]) == (RunStatus.FAILED, "owner_lacks_right")
        alerts = [each for each in one.hub.told.events if isinstance(each, AlertEvent)]
        assert [each.code for each in alerts] == ["owner_lacks_right"]
        with pytest.raises(Conflict):
            await one.schedules.run(BY, schedule.schedule_id)
        await database.execute("UPDATE member SET disabled = false")
        await add_member(database, "u2")
        given = await one.schedules.give_to(BY, schedule.schedule_id, "u2")
        assert (given.status, given.owner_name) == (ScheduleStatus.ACTIVE, "u2")
        await one.watch.look()
        assert len(alerts) == 1


@pytest.mark.parametrize(
    ("target", "skipped"),
    [
        (Target(device_ids=(DeviceId("d1"), DeviceId("d2"))), {"forbidden": 1}),
        (Target(query="all"), {}),  # nor does it hear how many others match
    ],
)
async def test_a_device_beyond_the_owners_rights_is_left_out(
    database: Database, owner: Database, target: Target, skipped: dict[str, int]
) -> None:
    async with replica(database, 2) as (one, _):
        schedule = await one.make([DeviceId("d1"), DeviceId("d2")], target=target)
        await owner.execute("UPDATE role_binding SET scope_kind = 'device', scope_id = 'd1'")
        one.hub.memory.forget(DEFAULT_ORG, "*")
        await one.watch.look()
        run = await one.due_now(schedule)
        await one.drive()
        assert [device for device, _ in await commands_of(database, run)] == ["d1"]
        (run,) = await one.runs(schedule)
        assert (run.counts.in_progress, run.counts.skipped) == (1, len(skipped))
        assert run.skipped == skipped


async def test_a_campaign_is_not_for_devices_that_its_owner_does_not_see(
    database: Database, owner: Database
) -> None:
    work = ScheduledCampaign(
        kind="command", subject="force_sync", load=ForceSync(), terms=Terms(soak_seconds=0)
    )
    async with replica(database, 2) as (one, _):
        schedule = await one.make([DeviceId("d1"), DeviceId("d2")], work=work)
        await owner.execute("UPDATE role_binding SET scope_kind = 'device', scope_id = 'd1'")
        one.hub.memory.forget(DEFAULT_ORG, "*")
        run = await one.due_now(schedule)
        await one.drive()
        campaign = await one.campaigns.get(DEFAULT_ORG, run.run_id)
        assert (campaign.counts.total, campaign.counts.skipped) == (1, 0)


async def test_who_runs_anothers_now_has_to_reach_its_whole_target(database: Database) -> None:
    changes = Grant(frozenset({"schedules:get", "schedules:update"}))
    everything = frozenset({right_to_dispatch("force_sync")})
    some = Grant(everything, scope=Scope("device", "d1"))
    async with replica(database, 2) as (one, _):
        both = await one.make([DeviceId("d1"), DeviceId("d2")])
        single = await one.make([], target=Target(device_ids=(DeviceId("d1"),)))
        one.finder.devices = [DeviceId("d1"), DeviceId("d2")]
        for rights, schedule in (((changes,), single), ((changes, some), both)):
            other = make_principal(subject="u2", rights=Holding(rights))
            with pytest.raises(Forbidden):
                await one.schedules.run(other, schedule.schedule_id)
        other = make_principal(subject="u2", rights=Holding((changes, some)))
        owner = make_principal(rights=Holding((changes, some)))
        for by, schedule in ((other, single), (owner, both)):
            run = await one.schedules.run(by, schedule.schedule_id)
            assert run.by_hand


async def test_whose_owner_may_send_it_nowhere_is_for_whom_they_see(
    database: Database, owner: Database
) -> None:
    async with replica(database, 2) as (one, _):
        schedule = await one.make([DeviceId("d1"), DeviceId("d2")])
        await owner.execute(
            "UPDATE role_binding SET role = 'VIEWER', scope_kind = 'device', scope_id = 'd1'"
        )
        one.hub.memory.forget(DEFAULT_ORG, "*")
        await one.due_now(schedule)
        await one.drive()
        (run,) = await one.runs(schedule)
        assert run.counts.skipped == 0, "it may have no schedules any more, and sees nothing by it"


async def test_a_campaign_begins_with_the_id_of_its_run(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        work = ScheduledCampaign(
            kind="command", subject="force_sync", load=ForceSync(), terms=Terms(soak_seconds=0)
        )
        schedule = await one.make([DeviceId("d1")], work=work, overlap="replace")
        run = await one.due_now(schedule)
        await one.drive()
        campaign = await one.campaigns.get(DEFAULT_ORG, run.run_id)
        assert (campaign.counts.pending, campaign.name) == (1, "s")
        (job,) = await one.claim(RUN_JOB)
        await one.driver.step(job)
        await one.release()
        await one.schedules.run(BY, schedule.schedule_id)
        await one.drive()
        first, second = await one.runs(schedule)
        assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.RUNNING)
        campaign = await one.campaigns.get(DEFAULT_ORG, run.run_id)
        assert campaign.status == "ABORTED"


async def guard(one: Replica, owner: Database) -> None:
    """Nobody reboots anything alone."""
    await add_member(one.hub.database, "u2")
    await owner.execute(
        "INSERT INTO setting (org_id, name, value) VALUES ('default', 'approvals', $1)"
        " ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value",
        {"resources": ["commands/reboot_os"], "over": 0},
    )
    one.hub.memory.forget(DEFAULT_ORG, "*")


async def awaiting(one: Replica) -> list[str]:
    page = await one.hub.approvals.list(
        DEFAULT_ORG, [ApprovalStatus.AWAITING], cursor=None, limit=10
    )
    return [each.subject or "" for each in page.items]


@pytest.mark.parametrize("change", ["changed", "deleted"])
async def test_nobody_approves_a_run_that_is_over(
    database: Database, owner: Database, change: str
) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")], command=RebootOs())
        await guard(one, owner)
        run = await one.schedules.run(BY, schedule.schedule_id)
        await one.drive()
        assert await awaiting(one) == [run.run_id]
        if change == "deleted":
            await one.schedules.delete(BY, schedule.schedule_id)
        else:
            await database.execute("UPDATE schedule SET revision = revision + 1")
        await one.drive()
        assert await awaiting(one) == []
        assert await commands_of(database, run) == []
        assert await one.claim(RUN_JOB) == []


async def test_in_the_zone_of_a_device_it_is_for_those_there(database: Database) -> None:
    async with replica(database, 3) as (one, _):
        await database.execute(
            "UPDATE device SET timezone = 'Asia/Kathmandu' WHERE device_id = 'd1'"
        )
        await database.execute(MOVE, "d2", "Asia/Kolkata")
        devices = [DeviceId("d1"), DeviceId("d2"), DeviceId("d3")]
        zones = ("Asia/Kathmandu", "Asia/Kolkata", "UTC")
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        minutes = {zone: now.astimezone(ZoneInfo(zone)).minute for zone in zones}
        assert len(set(minutes.values())) == 3
        for zone, device in zip(zones, devices, strict=True):
            timing = Timing(cron=f"{minutes[zone]} * * * *", timezone="device")
            schedule = await one.make(devices, timing)
            run = await one.due_now(schedule)
            await one.drive()
            assert [each for each, _ in await commands_of(database, run)] == [device]
        timing = Timing(cron=f"{(minutes['UTC'] + 1) % 60} * * * *", timezone="device")
        schedule = await one.make([DeviceId("d1")], timing)
        assert await one.schedules.coming(DEFAULT_ORG, [schedule]) != [[]]


async def test_where_nobody_of_the_target_is_there_is_no_run(database: Database) -> None:
    async with replica(database, 2) as (one, _):
        await database.execute(
            "UPDATE device SET timezone = 'Asia/Kathmandu' WHERE device_id = 'd1'"
        )
        minute = datetime.now(UTC).minute
        schedule = await one.make(
            [DeviceId("d1")], Timing(cron=f"{minute} * * * *", timezone="device")
        )
        await one.due_now(schedule)
        await one.drive()
        assert await one.runs(schedule) == []
        await one.drive()
        assert await one.claim(RUN_JOB) == []


async def test_a_target_that_cannot_be_read_fails_the_run(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        await database.execute("""UPDATE schedule SET target = '{"groupId": "g1"}'""")
        await one.due_now(schedule)
        await one.drive()
        (run,) = await one.runs(schedule)
        assert run.error == {"code": "not_found", "message": "no such group"}
        assert run.status is RunStatus.FAILED


async def test_a_run_for_nobody_is_done(database: Database) -> None:
    async with replica(database) as (one, _):
        schedule = await one.make([])
        await one.due_now(schedule)
        await one.drive()
        (run,) = await one.runs(schedule)
        assert (run.status, run.counts.total) == (RunStatus.DONE, 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timing": Timing()}, "cron"),
        ({"timing": Timing(cron="0 0 * * *", at=LATER)}, "cron"),
        ({"timing": Timing(cron="0 0 0 * * *")}, "cron"),
        ({"timing": Timing(cron="0 0 31 2 *")}, "cron"),
        ({"timing": Timing(cron="0 0 * * *", timezone="Mars")}, "timezone"),
        ({"timing": Timing(at=datetime(2020, 1, 1, tzinfo=UTC))}, "at"),
        ({"timing": Timing(at=LATER, timezone="device")}, "timezone"),
        (
            {"timing": Timing(cron="0 0 1 1 *", ends_at=datetime(2020, 1, 1, tzinfo=UTC))},
            "endsAt",
        ),
        ({"timing": MINUTELY, "jitter_seconds": 30}, "jitterSeconds"),
        (
            {"work": ScheduledCommand(command=ForceSync(), expires_at=LATER)},
            "expiresAt",
        ),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(
    database: Database, change: dict[str, Any], field: str
) -> None:
    async with replica(database) as (one, _):
        with pytest.raises(Invalid) as refused:
            await one.make([], **change)
        assert [error.field for error in refused.value.errors] == [field]


async def test_bounds_and_rights_at_the_beginning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_SCHEDULES", 1)
    async with replica(database, 1) as (one, _):
        with pytest.raises(Forbidden):
            await one.make([DeviceId("d1")], command=RebootOs(), by=make_principal("OPERATOR"))
        await one.make([DeviceId("d1")])
        with pytest.raises(TooMany):
            await one.make([DeviceId("d1")])


async def test_what_a_device_wants_signed_is_not_scheduled(database: Database) -> None:
    async with replica(database, 2) as (one, lines):
        command_id = await one.hub.accept(DeviceId("d1"), "reboot_os")
        (frame,) = await lines[0].until(1, "reboot_os")
        assert frame["id"] == command_id
        refused = Result(
            command_id=CommandId(command_id), success=False, outcome="rejected",
            error=ResultError(code="bad_signature", message="nobody has signed it"),
        )  # fmt: skip
        one.hub.commands.replied(lines[0].session, refused)
        await one.hub.commands.flush()
        with pytest.raises(NeedsSignature):
            await one.make([DeviceId("d1"), DeviceId("d2")], command=RebootOs())
        await one.make([DeviceId("d2")], command=RebootOs())
        await one.make([DeviceId("d1")])


async def test_old_runs_and_schedules_are_forgotten(database: Database) -> None:
    async with replica(database, 1) as (one, _):
        schedule = await one.make([DeviceId("d1")])
        over = await one.make([DeviceId("d1")])
        await one.comes_due(schedule, ago=10 * 60 + 30)
        await one.look()
        count = len(await one.runs(schedule))
        await database.execute(
            "UPDATE schedule_run SET finished_at = now() - interval '91 days'"
            " WHERE due = (SELECT min(due) FROM schedule_run)"
        )
        await database.execute(
            "UPDATE schedule SET ended_at = now() - interval '91 days' WHERE schedule_id = $1",
            over.schedule_id,
        )
        await one.store.forget(90)
        assert len(await one.runs(schedule)) == count - 1
        with pytest.raises(NotFound):
            await one.schedules.get(BY, over.schedule_id)
