"""Campaigns over a real Postgres: who drives, and what is left when a driver dies half-way."""

import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

import pytest

from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Database
from hub.base.errors import Conflict, Forbidden, NotFound
from hub.base.holding import Grant, Holding
from hub.base.job_runner import JobRunner
from hub.base.job_store import JobStore
from hub.base.jobs import HeldJob, LeaseLost, Room
from hub.base.principal import Principal
from hub.campaigns import service
from hub.campaigns.service import (
    Campaign,
    CampaignService,
    CampaignStatus,
    CampaignTarget,
    NewCampaign,
    Phase,
    Status,
    Target,
    Terms,
    Wave,
    Wish,
)
from hub.campaigns.store import CampaignStore
from protocol.commands import ForceSync
from protocol.ids import DEFAULT_ORG, DeviceId, OrgId
from protocol.replies import Result
from tests.factories import make_principal
from tests.integration.hub.hubs import ADMIN, Hub, Line, Told, add_devices, add_member, running_hub
from tests.tasks import in_background

LEASE_SECONDS = 60.0
"""No lease runs out by itself here."""


class Nobody:
    """Each campaign here names its devices, and they are there."""

    async def find(self, org: OrgId, target: Target) -> list[DeviceId]:
        return []

    async def known(self, org: OrgId, device_ids: Collection[str]) -> set[str]:
        return set(device_ids)


class Replica:
    """The campaigns of one replica; its driver runs when the test says so."""

    def __init__(self, hub: Hub) -> None:
        self.told = Told()
        self.store = CampaignStore(hub.database)
        audit = AuditService(AuditStore(hub.database))
        self.campaigns = CampaignService(
            self.store,
            hub.commands,
            audit,
            self.told.telemetry,
            hub.approvals,
            Nobody(),
            time.time,
            hub.memory,
        )
        self.driver = self.campaigns.driver
        self.jobs = JobStore(hub.database, hub.replica_id)
        self.runner = JobRunner(self.jobs, [self.driver.kind])
        self._held: list[HeldJob] = []

    async def look(self) -> int:
        """Claim what is due and look once; how many campaigns this replica drives."""
        self._held += await self.claim()
        driven = [job for job in [*self._held] if await self._drive(job)]
        return len(driven)

    async def claim(self) -> list[HeldJob]:
        rooms = [Room("campaign", 1000, LEASE_SECONDS)]
        return [claimed.job for claimed in await self.jobs.claim(rooms)]

    async def _drive(self, job: HeldJob) -> bool:
        """Whether it was this replica's to drive."""
        try:
            if not await self.driver.drive(job):
                self._held.remove(job)
        except LeaseLost:
            self._held.remove(job)
            return False
        return True

    async def begin(
        self, devices: list[DeviceId], by: Principal = ADMIN, **terms: object
    ) -> Campaign:
        new = NewCampaign(
            kind="command", subject="s", command=ForceSync(), devices=devices, target=None,
            terms=Terms(**{"soak_seconds": 0, **terms}),  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
        return await self.campaigns.create(by, new, action="campaign.create")

    async def targets(self, campaign: Campaign) -> list[CampaignTarget]:
        name = (DEFAULT_ORG, campaign.campaign_id)
        return await self.store.devices(name, None, behind=None, limit=100)

    async def status(self, campaign: Campaign) -> CampaignStatus:
        return (await self.campaigns.get(DEFAULT_ORG, campaign.campaign_id)).status


@asynccontextmanager
async def replicas(database: Database) -> AsyncGenerator[tuple[Hub, Replica, Replica]]:
    """Two replicas; lines are on the first."""
    async with running_hub(database, "r-1") as one, running_hub(database, "r-2") as two:
        yield one, Replica(one), Replica(two)


async def succeed(hub: Hub, line: Line, count: int = 1) -> None:
    """Answer the commands that came down."""
    for frame in await line.until(count, "force_sync"):
        hub.commands.replied(line.session, Result(command_id=frame["id"], success=True))  # pyright: ignore[reportArgumentType]
    await hub.commands.flush()


async def test_any_command_is_carried_to_its_end(database: Database) -> None:
    devices = await add_devices(database, 2)
    async with replicas(database) as (hub, one, _):
        lines = [await hub.line(device_id) for device_id in devices]
        campaign = await one.begin(devices, waves=(Wave(count=1), Wave(percent=100)))
        for line in lines:
            await one.look()
            await succeed(hub, line)
            await one.look()
        assert await one.status(campaign) is CampaignStatus.SUCCESS
        assert [t.status for t in await one.targets(campaign)] == [Status.SUCCESS] * 2
        assert await one.look() == 0, "nobody drives what is over"
    assert len(one.told.events) == 4


async def run_out(database: Database) -> None:
    """The lease of whoever drives is over."""
    await database.execute(
        "UPDATE job SET lease_until = now() - interval '1 ms' WHERE kind = 'campaign'"
    )


async def test_one_replica_drives_until_its_lease_has_run_out(database: Database) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (hub, one, two):
        await hub.line(devices[0])
        await one.begin(devices)
        assert await one.look() == 1
        assert await two.look() == 0
        await run_out(database)
        assert await two.look() == 1
        assert await one.look() == 0


async def test_a_clock_that_is_set_back_holds_no_campaign(database: Database) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (_, one, two):
        await one.begin(devices)
        await one.look()
        await database.execute(
            "UPDATE job SET lease_until = now() + interval '10 years' WHERE kind = 'campaign'"
        )
        assert await two.look() == 1


async def test_who_lets_go_is_followed_at_once(database: Database) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (_, one, two):
        await one.begin(devices)
        await one.look()
        await one.jobs.give_back()
        assert await two.look() == 1


async def test_a_driver_without_its_lease_changes_nothing(database: Database) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (hub, one, two):
        await hub.line(devices[0])
        campaign = await one.begin(devices)
        (job,) = await one.claim()
        await run_out(database)
        (taken,) = await two.claim()
        assert (taken.job_id, taken.epoch) == (job.job_id, job.epoch + 1)
        with pytest.raises(LeaseLost):
            await one.driver.drive(job)
        assert [t.status for t in await one.targets(campaign)] == [Status.PENDING]
        assert await two.driver.drive(taken)


async def test_a_driver_that_died_before_it_sent_is_made_good(database: Database) -> None:
    """And what it had sent after all is not sent again."""
    devices = await add_devices(database, 2)
    async with replicas(database) as (hub, one, two):
        lines = [await hub.line(device_id) for device_id in devices]
        campaign = await one.begin(devices)
        await one.look()
        await lines[1].until(1, "force_sync")
        async with database.connection() as connection:
            await connection.execute("DELETE FROM command WHERE device_id = 'd1'")
        await run_out(database)
        await two.look()
        for line, count in zip(lines, (2, 1), strict=True):
            frames = await line.until(count, "force_sync")
            assert len({frame["id"] for frame in frames}) == 1
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT command_id, actor FROM command")
        targets = await one.targets(campaign)
        assert {row["command_id"] for row in rows} == {t.command_id for t in targets}
        assert {row["actor"] for row in rows} == {"alice"}


async def test_two_that_drive_at_once_send_each_command_once(database: Database) -> None:
    devices = await add_devices(database, 20)
    async with replicas(database) as (hub, one, two):
        lines = [await hub.line(device_id) for device_id in devices]
        await one.begin(devices)
        async with in_background(one.runner.run(), two.runner.run()):
            for line in lines:
                await line.until(1, "force_sync")
        assert [len(line.of("force_sync")) for line in lines] == [1] * 20


async def test_a_target_whose_command_is_not_taken_has_failed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (hub, one, _):
        await hub.line(devices[0])
        campaign = await one.begin(devices)

        async def refuse(*_: object) -> None:
            raise Conflict("taken")

        monkeypatch.setattr(hub.commands, "dispatch", refuse)
        await one.look()
        (target,) = await one.targets(campaign)
        assert (target.status, target.error) == (
            Status.FAILED, {"code": "conflict", "message": "taken"},
        )  # fmt: skip


async def test_a_device_that_is_deleted_before_its_command_is_sent_is_skipped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (hub, one, _):
        await hub.line(devices[0])
        campaign = await one.begin(devices)

        async def deleted(*_: object) -> None:
            await database.execute("UPDATE device SET deleted_at = now()")
            raise NotFound("no such device")

        monkeypatch.setattr(hub.commands, "dispatch", deleted)
        await one.look()
        assert [t.status for t in await one.targets(campaign)] == [Status.IN_PROGRESS]
        await one.look()
        (target,) = await one.targets(campaign)
        assert target.status is Status.SKIPPED
        assert target.error is not None
        assert target.error["code"] == "device_deleted"
        assert await one.status(campaign) is CampaignStatus.SUCCESS


async def test_what_an_aborted_campaign_had_not_sent_is_never_sent(database: Database) -> None:
    devices = await add_devices(database)
    async with replicas(database) as (hub, one, two):
        line = await hub.line(devices[0])
        campaign = await one.begin(devices)
        async with database.connection() as connection:
            await one.look()
            await connection.execute("DELETE FROM command")
        await one.campaigns.ask(ADMIN, campaign.campaign_id, Wish.ABORT, action="a")
        await run_out(database)
        await two.look()
        (target,) = await one.targets(campaign)
        assert (target.status, target.phase) == (Status.SKIPPED, Phase.DOWNLOADING)
        assert len(line.of("force_sync")) == 1
        assert await two.look() == 0


async def test_of_old_campaigns_the_counts_stay_and_at_last_nothing(database: Database) -> None:
    devices = await add_devices(database)

    async def passed(days: int) -> None:
        past = "UPDATE campaign SET closed_at = closed_at - make_interval(days => $1)"
        await database.execute(past, days)

    async with replicas(database) as (_, one, _):

        async def ended() -> Campaign:
            campaign = await one.begin(devices)
            await one.campaigns.ask(ADMIN, campaign.campaign_id, Wish.ABORT, action="a")
            await one.look()
            return campaign

        old = await ended()
        await passed(2)
        await one.campaigns.clean_up(days=1)
        assert len(await one.targets(old)) == 1, "counted from the newest: none ended since"
        recent = await ended()
        await one.campaigns.clean_up(days=1)
        assert (await one.targets(old), len(await one.targets(recent))) == ([], 1)
        kept = await one.campaigns.get(DEFAULT_ORG, old.campaign_id)
        assert (kept.status, kept.counts.skipped) == (CampaignStatus.ABORTED, 1)
        await passed(400)
        await ended()
        await one.campaigns.clean_up(days=1)
        with pytest.raises(NotFound):
            await one.status(old)


@pytest.mark.parametrize("end", ["UPDATE member SET disabled = true", "DELETE FROM role_binding"])
async def test_g23_a_campaign_whose_owner_lost_the_right_is_paused_until_another_resumes_it(
    database: Database, end: str
) -> None:
    devices = await add_devices(database)
    await add_member(database)
    async with replicas(database) as (hub, one, _):
        campaign = await one.begin(devices, by=make_principal("ADMIN", subject="u1"))
        await database.execute(end)
        line = await hub.line(devices[0])
        await one.look()
        paused = await one.campaigns.get(DEFAULT_ORG, campaign.campaign_id)
        assert (paused.status, paused.stopped_because) == (
            CampaignStatus.PAUSED, "owner_lacks_right",
        )  # fmt: skip
        assert line.of("force_sync") == []
        name = campaign.campaign_id
        only_updates = make_principal(rights=Holding((Grant(frozenset({"campaigns:update"})),)))
        with pytest.raises(Forbidden):
            await one.campaigns.ask(only_updates, name, Wish.RESUME, action="resume")
        resumed = await one.campaigns.ask(ADMIN, name, Wish.RESUME, action="resume")
        assert resumed.stopped_because is None
        await one.look()
        await succeed(hub, line)
        await one.look()
        assert await one.status(campaign) is CampaignStatus.SUCCESS


async def test_a_campaign_over_very_many_devices_has_one_row_in_the_audit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = await add_devices(database, 3)
    monkeypatch.setattr(service, "MOST_ROWS", 2)
    async with replicas(database) as (_, one, __):
        few, many = await one.begin(devices[:2]), await one.begin(devices)
        rows = await database.fetch("SELECT target FROM audit_log ORDER BY audit_id")
        assert [row["target"] for row in rows] == [
            few.campaign_id, *devices[:2], many.campaign_id,
        ]  # fmt: skip
