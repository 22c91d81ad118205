"""Drives campaigns: looks at their targets, writes what follows, then has it carried out.

Exactly one replica drives a campaign: whoever holds its job. A look is one transaction that begins
by asking whether that is still so, and by locking the campaign: nobody else takes it meanwhile, and
pausing and aborting wait for the look or it for them. What it decides
(`journey`, `waves`) is written with a compare-and-set on each target, and only then carried out
(`effects`). A driver may die between the two.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from hub.base.database import Connection
from hub.base.job_store import fence, remove_job
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.campaigns.effects import OWNER_LACKS_RIGHT, CampaignEffects, DriveStep
from hub.campaigns.enlisting import Enlisting
from hub.campaigns.held import may_bring
from hub.campaigns.journey import (
    ONE_FOR_ALL,
    CampaignTarget,
    Phase,
    Seen,
    TargetEvent,
    began,
    error,
    happened,
    reason_to_skip,
    skipped,
    stepped,
    withdrawn,
)
from hub.campaigns.penalty import penalties
from hub.campaigns.records import JOB, Campaign, Name, command_id_of
from hub.campaigns.store import CampaignStore, Driven, TargetChange
from hub.campaigns.waves import (
    FINISHED,
    CampaignStatus,
    Move,
    allowance,
    drop,
    move_of,
    pace,
    recount,
)
from hub.campaigns.windows import cancels, follow_devices, is_open, was_open_for
from protocol.ids import DeviceId
from protocol.lifecycle import ENDED

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 2.0
"""Of one that nothing moves but its time, or a person."""
RUNS: Final = CampaignStatus.IN_PROGRESS
FOLLOWED: Final = timedelta(seconds=5)
"""How often the target of a campaign is looked up that follows it."""
RESTED: Final = 4
"""A look that took long is followed by a rest of so many times that, also from other campaigns."""
MOST: Final = 1000
"""Campaigns that one replica drives, one after the other."""
OFFLINE: Final = error("offline", "the device was offline for the whole wave")
ENDED_BEFORE: Final = error("ended", "the campaign ended before the device's turn")
STOPPED: Final = error("stopped", "the campaign stopped before the device's turn")


class Driver:
    def __init__(
        self, store: CampaignStore, effects: CampaignEffects, enlisting: Enlisting
    ) -> None:
        self._store = store
        self._effects = effects
        self._enlisting = enlisting
        self.kind = JobKind(name=JOB, run=self.run, most=MOST, keeps=True)

    async def run(self, job: HeldJob) -> RunOutcome:
        """A look, and the rest after it. Raises `LeaseLost`, `Unavailable`."""
        began_at = time.monotonic()
        found = await self.drive(job)
        if found is None:
            return RunOutcome()
        rest = RESTED * (time.monotonic() - began_at)
        await asyncio.sleep(rest)
        return RunOutcome(wait=max((IDLE_SECONDS if is_idle(found) else LOOK_SECONDS) - rest, 0.0))

    async def drive(self, job: HeldJob) -> Campaign | None:
        """One look at a campaign, and what follows from it; None when it is over."""
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            driven = await self._store.lock_driven(connection, _name(job))
            look = None if driven is None else await self._look(connection, driven)
            is_over = look is None or await self._close(connection, look.campaign)
            if look is not None:
                await self._effects.keep(connection, look.campaign, look.changed)
            if is_over:
                await remove_job(connection, job)
        if look is not None:
            await self._effects.carry_out(look)
        return None if look is None or is_over else look.campaign

    async def _close(self, connection: Connection, campaign: Campaign) -> bool:
        """Whether nothing is under way any more of one that is finished."""
        if campaign.status not in FINISHED or campaign.counts.in_progress:
            return False
        await self._store.close(connection, (campaign.org, campaign.campaign_id))
        return True

    async def _look(self, connection: Connection, driven: Driven) -> DriveStep:
        campaign, now = driven.campaign, driven.now
        name = (campaign.org, campaign.campaign_id)
        under_way = await self._store.under_way(connection, campaign)
        steps = [
            TargetChange(target, stepped(target, found, seen, now))
            for target, seen in under_way
            if (found := _what(campaign, target, seen, driven.now)) is not None
        ]
        recalled = _to_recall(campaign, under_way, steps, now)
        changed = await self._store.write(connection, name, steps)
        recalled = await self._store.write(connection, name, recalled)
        for step in steps:
            recount(
                campaign.counts,
                step.before.status,
                step.after.status,
                in_wave=step.before.wave == campaign.wave,
            )
        campaign = await self._require_right(connection, driven)
        campaign, followed = await self._follow(connection, campaign, now)
        blocked = await self._block(connection, campaign)
        blocked += await self._end(connection, campaign, now)
        campaign, stopped = await self._move(connection, campaign, now)
        begun = await self._begin(connection, campaign, driven)
        look = DriveStep(
            campaign, [*changed, *followed, *blocked, *stopped, *begun], _to_send(begun), recalled
        )
        self._sort_unsent(look, under_way, changed, now)
        return look

    async def _require_right(self, connection: Connection, driven: Driven) -> Campaign:
        """A campaign whose owner may not send its command any more is paused: it goes on when
        somebody who may resumes it."""
        campaign = driven.campaign
        if campaign.status in FINISHED or campaign.status is CampaignStatus.PAUSED:
            return campaign
        owner = await self._effects.owner(campaign)
        if may_bring(owner.rights, campaign.command):
            return campaign
        move = Move(status=CampaignStatus.PAUSED, wave=campaign.wave, because=OWNER_LACKS_RIGHT)
        moved = await self._store.move(connection, campaign, move)
        if moved is None:
            return campaign
        self._note(moved, move)
        await self._effects.warn(connection, moved)
        return moved

    async def _follow(
        self, connection: Connection, campaign: Campaign, now: datetime
    ) -> tuple[Campaign, list[CampaignTarget]]:
        """The campaign with who came to match it since, and without who does no more."""
        terms, last = campaign.terms, campaign.followed_at
        rests = last is not None and now - last < FOLLOWED
        if not terms.follow or terms.is_over(now) or rests or campaign.status is not RUNS:
            return campaign, []
        owner = await self._effects.owner(campaign)
        moved = await self._enlisting.follow(connection, owner, campaign)
        found = await self._store.get(connection, (campaign.org, campaign.campaign_id))
        return found or campaign, moved

    async def _block(self, connection: Connection, campaign: Campaign) -> list[CampaignTarget]:
        """Whoever waits and may not be sent anything, or does not install this, skipped."""
        if not campaign.counts.pending:
            return []
        name = (campaign.org, campaign.campaign_id)
        blocked = await self._store.block_pending(
            connection, name, campaign.software, forced=campaign.is_forced
        )
        for target in blocked:
            self._drop(campaign, target)
        return blocked

    async def _end(
        self, connection: Connection, campaign: Campaign, now: datetime
    ) -> list[CampaignTarget]:
        """Whoever waits when its time is over, left out."""
        if not campaign.terms.is_over(now) or not campaign.counts.pending:
            return []
        name = (campaign.org, campaign.campaign_id)
        left = await self._store.skip_pending(connection, name, ENDED_BEFORE)
        for target in left:
            self._drop(campaign, target)
        return left

    def _drop(self, campaign: Campaign, target: CampaignTarget) -> None:
        drop(
            campaign.counts,
            target.status,
            has_begun=target.wave <= campaign.wave,
            in_wave=target.wave == campaign.wave,
        )

    async def _move(
        self, connection: Connection, campaign: Campaign, now: datetime
    ) -> tuple[Campaign, list[CampaignTarget]]:
        """The campaign after what its counts ask for, and whoever is skipped for it."""
        stopped: list[CampaignTarget] = []
        terms, name = campaign.terms, (campaign.org, campaign.campaign_id)
        while move := move_of(
            campaign.status,
            campaign.wave,
            campaign.counts,
            terms.plan,
            is_due=terms.is_due(now),
            is_over=terms.is_over(now),
        ):
            if move.status is CampaignStatus.PENDING:
                owner = await self._effects.owner(campaign)
                because = await self._enlisting.write_now(connection, owner, campaign)
                if because is not None:
                    move = replace(move, status=CampaignStatus.FAILED, because=because)
            if move.status is CampaignStatus.FAILED:
                stopped = await self._store.skip_pending(connection, name, STOPPED)
            moved = await self._store.move(connection, campaign, move)
            if moved is None:
                break
            self._note(moved, move)
            campaign = moved
            if move.status is CampaignStatus.SUCCESS and campaign.counts.success:
                await self._effects.succeeded(connection, campaign)
        return campaign, stopped

    def _note(self, campaign: Campaign, move: Move) -> None:
        log.info(
            "campaign_moved",
            campaign=campaign.campaign_id,
            status=str(move.status),
            wave=move.wave,
            because=move.because,
        )

    async def _begin(
        self, connection: Connection, campaign: Campaign, driven: Driven
    ) -> list[CampaignTarget]:
        """Whose turn has come, and who is passed over."""
        if campaign.status is not CampaignStatus.IN_PROGRESS or not campaign.counts.pending:
            return []
        name = (campaign.org, campaign.campaign_id)
        terms, windows = campaign.terms, campaign.terms.windows
        zones = await self._zones(connection, campaign)
        opened = [each for each in zones if is_open(windows, driven.now, each)]
        if not opened:
            return []
        rate = pace(terms.rate_per_minute, terms.growth, campaign.counts.success)
        lately = 0 if rate is None else await self._store.started_lately(connection, name)
        limit = allowance(rate, started_in_last_minute=lately)
        found = await self._store.candidates(
            connection, campaign, wave=campaign.wave, limit=limit, zones=opened
        )
        held_back = await self._held_back(connection, campaign, found, driven.now)
        changes = [
            TargetChange(
                target,
                self._turn(
                    campaign,
                    target,
                    replace(seen, penalty_until=held_back.get(target.device_id)),
                    driven,
                ),
            )
            for target, seen in found
        ]
        begun = await self._store.write(connection, name, changes)
        seconds = terms.phase_timeout_seconds
        late = [
            each
            for each in zones
            if was_open_for(windows, campaign.wave_since, driven.now, zone=each, seconds=seconds)
        ]
        if late:
            begun += await self._store.skip_pending(
                connection, name, OFFLINE, up_to_wave=campaign.wave, only_away=True, zones=late
            )
        return begun

    async def _zones(self, connection: Connection, campaign: Campaign) -> Sequence[str]:
        """Of whose turn may come. Where no window follows the devices all of them have the same."""
        if not follow_devices(campaign.terms.windows):
            return [ONE_FOR_ALL]
        name = (campaign.org, campaign.campaign_id)
        return await self._store.waiting_zones(connection, name, wave=campaign.wave)

    async def _held_back(
        self,
        connection: Connection,
        campaign: Campaign,
        found: Sequence[tuple[CampaignTarget, Seen]],
        now: datetime,
    ) -> dict[DeviceId, datetime]:
        """Which of them are held back, and until when."""
        device_ids = [target.device_id for target, _ in found]
        if not device_ids or campaign.software is None:
            return {}
        return penalties(await self._store.failures(connection, campaign.org, device_ids), now)

    def _turn(
        self, campaign: Campaign, target: CampaignTarget, seen: Seen, driven: Driven
    ) -> CampaignTarget:
        goal, now = campaign.terms.goal, driven.now
        why = reason_to_skip(target, seen, goal)
        if why is not None:
            return skipped(target, why, now)
        command_id = None
        if campaign.application is None:
            command_id = command_id_of(campaign.campaign_id, target.device_id, target.attempt + 1)
        return began(target, seen, goal, command_id=command_id, now=now)

    def _sort_unsent(
        self,
        look: DriveStep,
        under_way: Sequence[tuple[CampaignTarget, Seen]],
        changed: Sequence[CampaignTarget],
        now: datetime,
    ) -> None:
        """Targets whose command is not in the ledger, or should not be there any more."""
        moved = {target.position for target in changed}
        campaign = look.campaign
        is_over, windows = campaign.status in FINISHED, campaign.terms.windows
        for target, seen in under_way:
            if seen.blocked and seen.command not in (None, *ENDED):
                look.cancel.append(target)
            if target.phase is not Phase.DOWNLOADING or target.position in moved:
                continue
            if not is_over and seen.command is None and is_open(windows, now, target.zone):
                look.send.append(target)
            if is_over and seen.command and not seen.cancel_asked:
                look.cancel.append(target)


def _to_recall(
    campaign: Campaign,
    under_way: Iterable[tuple[CampaignTarget, Seen]],
    steps: Iterable[TargetChange],
    now: datetime,
) -> list[TargetChange]:
    """Whose command is cancelled, because the window closed that it was sent in."""
    windows = campaign.terms.windows
    if campaign.status in FINISHED or not cancels(windows):
        return []
    moved = {step.before.position for step in steps}
    return [
        TargetChange(target, replace(target, recalled=True))
        for target, seen in under_way
        if target.phase is Phase.DOWNLOADING
        and target.position not in moved
        and not target.recalled
        and seen.command not in (None, *ENDED)
        and not is_open(windows, now, target.zone)
    ]


def is_idle(campaign: Campaign) -> bool:
    """Also one whose windows may be closed: they open on the minute."""
    waits = (CampaignStatus.SCHEDULED, CampaignStatus.AWAITING, CampaignStatus.PAUSED)
    is_held_up = campaign.status in waits or bool(campaign.terms.windows)
    return is_held_up and not campaign.counts.in_progress


def _name(job: HeldJob) -> Name:
    if job.org is None:
        raise AssertionError("a campaign is of an organisation")
    return job.org, job.key


def _what(
    campaign: Campaign, target: CampaignTarget, seen: Seen, now: datetime
) -> TargetEvent | None:
    if campaign.status in FINISHED and withdrawn(target, seen):
        return TargetEvent.WITHDRAW
    return happened(target, seen, campaign.terms.goal, now)


def _to_send(targets: Iterable[CampaignTarget]) -> list[CampaignTarget]:
    return [target for target in targets if target.phase is Phase.DOWNLOADING]
