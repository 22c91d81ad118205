"""Campaigns for callers: begun, paused, resumed, aborted, read. The driver does the rest."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct, structs

from hub.approvals.service import Approval, ApprovalService
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection, beyond_scope
from hub.base.errors import Conflict, Escalation, Forbidden, NotFound, TooMany, invalid
from hub.base.paging import Items, decode_cursor, decode_number_cursor, encode_cursor, page_of
from hub.base.principal import Principal
from hub.base.retention import ShownSince, everything_since
from hub.campaigns.driver import Driver
from hub.campaigns.effects import Bringer, CampaignEffects
from hub.campaigns.enlisting import FORBIDDEN, Enlisting, Refusals
from hub.campaigns.held import (
    awaiting_campaign,
    held_of,
    is_dangerous,
    is_guarded,
    may_bring,
    new_approval,
)
from hub.campaigns.journey import CampaignTarget, Goal, Phase, Status
from hub.campaigns.journey import error as error_of
from hub.campaigns.loads import Loaded, Loads
from hub.campaigns.penalty import Penalty
from hub.campaigns.records import (
    Campaign,
    Kind,
    Load,
    Name,
    NewCampaign,
    Participation,
    RollOut,
    Target,
    Terms,
    summary_of,
)
from hub.campaigns.showing import (
    CampaignCounts,
    CampaignDevice,
    CampaignStanding,
    counts_of,
    device_of,
    standing_of,
)
from hub.campaigns.store import CampaignStore, owner_of
from hub.campaigns.targets import TargetLookup
from hub.campaigns.waves import (
    FINISHED,
    CampaignStatus,
    Move,
    StopAt,
    TargetCounts,
    Wave,
    Wish,
    approved,
    problem_of,
    wished,
)
from hub.campaigns.windows import fault_of
from hub.commands.service import CommandService
from hub.rights.access import may_everywhere
from hub.rights.guarded import UNGUARDED
from hub.rights.memory import RightsMemory
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.replies import ErrorObject

__all__ = [
    "CampaignCounts",
    "CampaignDevice",
    "CampaignStanding",
    "FINISHED",
    "MOST_DEVICES",
    "counts_of",
    "device_of",
    "Bringer",
    "RollOut",
    "Campaign",
    "CampaignService",
    "CampaignStatus",
    "TargetCounts",
    "Goal",
    "NewCampaign",
    "Participation",
    "Penalty",
    "Phase",
    "Status",
    "StopAt",
    "Target",
    "Preview",
    "Kind",
    "Load",
    "Loaded",
    "CampaignTarget",
    "Terms",
    "Wave",
    "Wish",
]

NEWEST_PARTS: Final = 50
UPDATES: Final = "campaigns:update"
NO_SUCH_CAMPAIGN: Final = "no such campaign"
MOST_DEVICES: Final = 100_000
MOST_ROWS: Final = 10_000
"""Of the audit that one campaign begins with: as many as a bulk call has."""
MOST_OPEN: Final = 50
SAMPLE: Final = 50
KEPT_DAYS: Final = 400
ABORTED: Final = error_of("aborted", "the campaign was aborted before the device's turn")


class Preview(Struct, frozen=True):
    """How many it would be for, some of them, and how many it would leave out."""

    count: int
    sample: list[DeviceId]
    refused: int


class CampaignService:
    def __init__(
        self,
        store: CampaignStore,
        commands: CommandService,
        audit: AuditService,
        telemetry: TelemetryWriter,
        approvals: ApprovalService,
        targets: TargetLookup,
        clock: Callable[[], float],
        members: RightsMemory,
        shown_since: ShownSince = everything_since,
    ) -> None:
        """`clock` gives the seconds since 1970 of the database;
        `shown_since`: since when an organisation is shown what has ended."""
        self._clock = clock
        self._members = members
        self._store = store
        self._shown_since = shown_since
        self._commands = commands
        self._audit = audit
        self._approvals = approvals
        self._effects = CampaignEffects(store, commands, telemetry)
        self._enlisting = Enlisting(store, commands, targets)
        self.find = targets.find
        self.loads = Loads()
        self.driver = Driver(store, self._effects, self._enlisting)
        approvals.carry_out("campaign", self.approved)

    async def create(
        self, by: Principal, new: NewCampaign, *, action: str, approval: bool = False
    ) -> Campaign:
        """Commit a campaign; it begins at once, unless its time has not come, or a second person
        has to approve it: because of what is set, or with `approval` in any case. Raises `Invalid`,
        `Forbidden`, `BlastRadiusExceeded`, `TooMany`."""
        _check(new)
        refusals = await self._enlisting.judge(by, new.command, new.devices)
        guarded = await self._approvals.guarded(by.org)
        if guarded is not UNGUARDED or approval:
            name = await self.right_name(by.org, new.command)
            admitted = await self._approvals.admit(
                by,
                new_approval(new, action, right_name=name),
                guarded,
                dangerous=is_dangerous(new),
                asked=approval,
            )
            if isinstance(admitted, Approval):
                return awaiting_campaign(admitted)
        return await self._begin(by, (by.org, uuid7()), new, refusals, action=action)

    async def preview(self, by: Principal, new: NewCampaign) -> Preview:
        """Whom it would be for. Raises as `create` does."""
        _check(new)
        refusals = await self._enlisting.judge(by, new.command, new.devices)
        going = [each for each in new.devices if each not in refusals]
        return Preview(len(going), going[:SAMPLE], len(refusals))

    async def check(self, by: Principal, new: NewCampaign) -> None:
        """Of one that is to begin later, for whoever its target means then. Raises `Invalid`,
        `Forbidden`."""
        _check_terms(new)
        await self._enlisting.judge(by, new.command, new.devices)

    async def begin(self, by: Principal, campaign_id: str, new: NewCampaign) -> Campaign:
        """One that was admitted before, as a whole. One that is there already is joined. Raises
        `Forbidden`, `TooMany`."""
        refusals = await self._enlisting.judge(by, new.command, new.devices)
        return await self._begin(by, (by.org, campaign_id), new, refusals, action="campaign.create")

    async def right_name(self, org: OrgId, load: Load) -> str | None:
        """What the names of a rule are compared with; None where there are no names."""
        if isinstance(load, RollOut):
            return load.name
        return await self._commands.rights.name_of(org, load)

    async def load_again(
        self, by: Principal, kind: Kind, subject: str, load: Load, *, allow_downgrade: bool
    ) -> Loaded:
        """What was loaded before, as it is now. Raises `NotFound`, `Invalid`, `Forbidden`."""
        if kind == "release":
            return await self.loads.release(by, subject, allow_downgrade)
        if isinstance(load, RollOut):
            return await self.loads.application(by, load.name, load.revision)
        return Loaded(kind, subject, load)

    async def approved(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals: the campaign has the id that it was given."""
        held, name = held_of(approval), (approval.org, approval.subject or "")
        new = held.new
        if new.terms.start_at is not None and new.target is not None:
            # Nobody has approved it for whoever else its target means by then.
            new = structs.replace(new, target=Target(device_ids=tuple(new.devices)))
        try:
            refusals = await self._enlisting.judge(asker, new.command, new.devices)
        except Forbidden:
            refusals = dict.fromkeys(new.devices, FORBIDDEN)
        await self._begin(asker, name, new, refusals, action=held.action, error=error)
        return {}

    async def _begin(
        self,
        by: Principal,
        name: Name,
        new: NewCampaign,
        refusals: Refusals,
        *,
        action: str,
        error: ErrorObject | None = None,
    ) -> Campaign:
        """What is not approved ends before it begins."""
        async with self._everything(by) as connection:
            found = await self._store.lock(connection, name)
            if found is not None:
                return found
            if await self._store.lock_new(connection, by.org) >= MOST_OPEN:
                raise TooMany(f"an organisation has at most {MOST_OPEN} campaigns under way")
            await self._store.add(connection, name, new, by=by)
            if new.terms.start_at is None:
                await self._enlisting.write(
                    connection, name, new.command, new.terms, new.devices, refusals
                )
            campaign = await self._found(connection, name)
            entries = _begun(by, action, campaign, new.devices)
            if error is not None:
                code = error["code"]
                await self._move(connection, campaign, CampaignStatus.ABORTED, because=code)
                entries = [structs.replace(entries[0], outcome="refused", reason=code)]
            await self._audit.record(connection, *entries)
        return campaign

    async def ask(self, by: Principal, campaign_id: str, wish: Wish, *, action: str) -> Campaign:
        """Pause, resume or abort. Raises `NotFound`, `Conflict` when it is too late for it, and
        `Forbidden` where who resumes it, and owns it then, may not do what it does."""
        name: Name = (by.org, campaign_id)
        if wish is Wish.ABORT and await self._withdraw(by, campaign_id):
            return await self.get(by.org, campaign_id)
        async with self._own(by, name) as (connection, campaign):
            if wish is Wish.RESUME and not may_bring(by.rights, campaign.command):
                raise Forbidden("you may not do yourself what the campaign does")
            waits = campaign.terms.start_at is not None and not campaign.counts.total
            status = wished(campaign.status, wish, waits_for_its_time=waits)
            if status is None:
                raise Conflict(f"it is {campaign.status}: too late to {wish}")
            if status is campaign.status:
                return campaign
            skipped = await self._move(connection, campaign, status)
            if wish is Wish.RESUME:
                await self._store.own(connection, name, owner_of(by))
            entry = audit_entry(by, action, campaign_id)
            await self._audit.record(connection, entry)
            campaign = await self._found(connection, name)
            await self._effects.keep(connection, campaign, skipped)
        self._effects.publish(campaign, skipped)
        return await self._as_seen(by, campaign)

    async def approve(
        self, by: Principal, campaign_id: str, wave: int, comment: str | None
    ) -> Campaign:
        """The wave behind `wave`, counted from 1, may begin. Raises `NotFound`; `Conflict` where
        nothing waits for that; `Forbidden` for its owner, where nobody may send it alone."""
        guarded = await self._approvals.guarded(by.org)
        async with self._own(by, (by.org, campaign_id)) as (connection, campaign):
            is_another = by.kind == "user" and by.subject != campaign.owner_id
            if not is_another and is_guarded(guarded.approvals, campaign):
                raise Forbidden("another person than its owner approves a wave of it")
            try:
                move = approved(campaign.status, campaign.wave, wave)
            except ValueError as refused:
                raise Conflict(str(refused)) from None
            if move is None:
                return campaign
            moved = await self._store.move(connection, campaign, move)
            entry = audit_entry(by, "campaign.approve", campaign_id, wave=wave, comment=comment)
            await self._audit.record(connection, entry)
        return await self._as_seen(by, moved or campaign)

    async def give_to(self, by: Principal, campaign_id: str, user_id: str) -> Campaign:
        """That member's rights count from now on. Raises `NotFound`, `Invalid`, and `Escalation`
        for one who may more than the caller."""
        name: Name = (by.org, campaign_id)
        if not may_everywhere(by, UPDATES):
            raise Forbidden("an administrator says who owns a campaign")
        holding = await self._commands.rights.of_owner(by.org, "user", user_id, None)
        if not await self._members.covers_member(by, user_id):
            raise Escalation("that member may do more than you")
        async with self._own(by, name) as (connection, campaign):
            username = await self._store.member_name(connection, by.org, user_id)
            if username is None or not may_bring(holding, campaign.command):
                raise invalid("userId", "is no member who may do this")
            await self._store.own(connection, name, ("user", user_id, None, username))
            changes = {"owner": (campaign.owner_name, username)}
            entry = audit_entry(by, "campaign.owner", campaign_id, changes=changes)
            await self._audit.record(connection, entry)
            return await self._found(connection, name)

    async def retry(
        self, by: Principal, campaign_id: str, device_ids: Sequence[DeviceId] | None
    ) -> Campaign:
        """Open what has ended once more, for those of these that failed; None = for all. Whoever
        does answers for it. Raises `NotFound`, `Conflict`, `Forbidden`."""
        name: Name = (by.org, campaign_id)
        ended = await self.get(by.org, campaign_id)
        await self._enlisting.judge(by, ended.command, [])
        async with self._own(by, name) as (connection, campaign):
            if campaign.status not in FINISHED:
                raise Conflict(f"it is {campaign.status}: only what has ended can be tried again")
            if await self._store.lock_new(connection, by.org) >= MOST_OPEN:
                raise TooMany(f"an organisation has at most {MOST_OPEN} campaigns under way")
            opened = await self._store.reopen(connection, name, device_ids)
            if opened is None:
                raise Conflict("none of its devices has failed")
            await self._store.own(connection, name, owner_of(by))
            entry = audit_entry(by, "campaign.retry", campaign_id, attempt=opened.attempt)
            await self._audit.record(connection, entry)
        return await self._as_seen(by, opened)

    async def _as_seen(self, by: Principal, campaign: Campaign) -> Campaign:
        """With the counts of the devices that the caller sees."""
        everywhere = may_everywhere(by, UPDATES)
        return campaign if everywhere else await self.get(by.org, campaign.campaign_id)

    @asynccontextmanager
    async def _everything(self, by: Principal) -> AsyncGenerator[Connection]:
        """A transaction that sees the devices of a campaign also where the caller does not see
        them: each has been judged."""
        database = self._store.database
        async with (
            database.tenant(by.org).transaction() as connection,
            beyond_scope(connection, by.org),
        ):
            yield connection

    @asynccontextmanager
    async def _own(self, by: Principal, name: Name) -> AsyncGenerator[tuple[Connection, Campaign]]:
        """The campaign, locked, for who may change it: whoever has the right over some devices only
        changes their own. Raises `NotFound`, `Forbidden`."""
        database = self._store.database
        async with database.tenant(by.org).transaction() as connection:
            campaign = await self._store.lock(connection, name)
            if campaign is None:
                raise NotFound(NO_SUCH_CAMPAIGN)
            if not may_everywhere(by, UPDATES) and not _is_of(campaign, by):
                raise Forbidden("it is somebody else's campaign")
            async with beyond_scope(connection, by.org):
                yield connection, campaign

    async def _move(
        self,
        connection: Connection,
        campaign: Campaign,
        status: CampaignStatus,
        because: str = "aborted",
    ) -> list[CampaignTarget]:
        aborts = status is CampaignStatus.ABORTED
        move = Move(status=status, wave=campaign.wave, because=because if aborts else None)
        await self._store.move(connection, campaign, move)
        if not aborts:
            return []
        name = (campaign.org, campaign.campaign_id)
        return await self._store.skip_pending(connection, name, ABORTED)

    async def is_under_way(self, connection: Connection, org: OrgId, subject: str) -> bool:
        """Whether a campaign about `subject` has not come to its end."""
        return await self._store.is_under_way(connection, org, subject)

    async def _withdraw(self, by: Principal, campaign_id: str) -> bool:
        """Whether it was still waiting for an approval, and waits no more."""
        found = await self._approvals.waiting_for(by.org, campaign_id)
        if found is None or not (
            may_everywhere(by, UPDATES) or found.asked_by.subject == by.subject
        ):
            return False
        await self._approvals.cancel(by, found)
        return True

    async def get(self, org: OrgId, campaign_id: str) -> Campaign:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            campaign = await self._store.get(connection, (org, campaign_id))
        if campaign is None:
            found = await self._approvals.waiting_for(org, campaign_id)
            if found is None:
                raise NotFound(NO_SUCH_CAMPAIGN)
            return awaiting_campaign(found)
        since = await self._shown_since(org)
        if since and campaign.finished_at and campaign.finished_at < since:
            raise NotFound(NO_SUCH_CAMPAIGN)
        return campaign

    async def _found(self, connection: Connection, name: Name) -> Campaign:
        campaign = await self._store.get(connection, name)
        if campaign is None:
            raise NotFound(NO_SUCH_CAMPAIGN)
        return campaign

    async def seen_by(self, by: Principal, target: Target | None) -> Target | None:
        """Without devices that are named, and that the caller does not see."""
        if target is None or target.device_ids is None:
            return target
        seen = await self._commands.rights.seen(by, target.device_ids)
        return Target(device_ids=tuple(DeviceId(each) for each in seen))

    def bring_by(self, bringer: Bringer) -> None:
        """Who brings applications."""
        self._effects.bring_by(bringer)

    async def list(
        self,
        org: OrgId,
        *,
        cursor: str | None,
        limit: int,
        kind: Kind | None = None,
        subject: str | None = None,
    ) -> Items[Campaign]:
        """Those of a kind, about a subject; None: all."""
        rows = await self._store.list(
            org,
            kind=kind,
            subject=subject,
            before=decode_cursor(cursor),
            limit=limit + 1,
            ended_since=await self._shown_since(org),
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.campaign_id), item=lambda row: row
        )

    async def devices(
        self,
        org: OrgId,
        campaign_id: str,
        *,
        cursor: str | None,
        limit: int,
        statuses: Sequence[Status] | None = None,
    ) -> Items[CampaignDevice]:
        """In the order of their turns; of these statuses, None: of all. Raises `NotFound`."""
        standing = standing_of(await self.get(org, campaign_id), self._clock())
        key = decode_number_cursor(cursor)
        rows = await self._store.devices(
            (org, campaign_id), statuses, behind=key[1] if key else None, limit=limit + 1
        )
        shown = rows[:limit]
        last = shown[-1] if len(rows) > limit else None
        following = None if last is None else encode_cursor((last.since, str(last.position)))
        return Items([device_of(row, standing) for row in shown], following)

    async def of_device(self, org: OrgId, device_id: DeviceId) -> "Sequence[Participation]":
        """What the device plays in the newest campaigns that it is part of."""
        since = await self._shown_since(org)
        return await self._store.of_device(org, device_id, limit=NEWEST_PARTS, ended_since=since)

    async def penalties(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[Penalty]:
        """Devices that are held back from firmware now."""
        before = decode_cursor(cursor)
        found = await self._store.penalties(org)
        rows = [row for row in found if before is None or (row.until, row.device_id) < before]
        return page_of(
            rows[: limit + 1],
            limit,
            key=lambda row: (row.until, row.device_id),
            item=lambda row: row,
        )

    async def clear_penalty(self, by: Principal, device_id: DeviceId) -> None:
        """The device may take firmware again. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.clear_penalty(connection, by.org, device_id):
                raise NotFound("no such device")
            await self._audit.record(connection, audit_entry(by, "penalty.clear", device_id))

    async def clean_up(self, *, days: int) -> None:
        """Its devices are kept as long as what they were sent."""
        await self._store.forget(max(days, KEPT_DAYS), devices_days=days)


def _begun(
    by: Principal, action: str, campaign: Campaign, devices: Sequence[DeviceId]
) -> list[AuditEntry]:
    """One row for the campaign, and one for each device unless these are very many: what they are
    sent has rows of its own."""
    entry = audit_entry(by, action, campaign.campaign_id, **summary_of(campaign))
    if len(devices) > MOST_ROWS:
        return [entry]
    name = campaign.campaign_id
    return [entry, *(audit_entry(by, action, each, deploymentId=name) for each in devices)]


def _is_of(campaign: Campaign, by: Principal) -> bool:
    owner = (campaign.owner_kind, campaign.owner_id, campaign.owner_key)
    return owner == (by.kind, by.subject, by.key_id)


def _check(new: NewCampaign) -> None:
    _check_terms(new)
    terms = new.terms
    if not new.devices and terms.start_at is None and not terms.follow:
        raise invalid("target", "there is no such device")
    if len(new.devices) > MOST_DEVICES:
        raise invalid(
            "target", f"{len(new.devices)} devices; a campaign has at most {MOST_DEVICES}"
        )


def _check_terms(new: NewCampaign) -> None:
    problem = problem_of(new.terms.waves)
    if problem is not None:
        raise invalid("waves", problem)
    terms = new.terms
    if terms.growth is not None and terms.rate_per_minute is None:
        raise invalid("growth", "goes with ratePerMinute")
    if terms.start_at and terms.ends_at and terms.ends_at <= terms.start_at:
        raise invalid("endsAt", "must be later than startAt")
    if terms.follow:
        _check_follow(new)
    fault = fault_of(terms.windows)
    if fault is not None:
        raise invalid("windows", fault)


def _check_follow(new: NewCampaign) -> None:
    if new.terms.ends_at is None:
        raise invalid("follow", "goes with endsAt")
    if new.target is None or new.target.device_ids is not None:
        raise invalid("follow", "goes with a query or a group")
