"""Campaigns for callers: begun, paused, resumed, aborted, read. The driver does the rest."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from hub.approvals.service import Approval, ApprovalService
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, NotFound, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.retention import ShownSince, everything_since
from hub.campaigns.driver import Driver
from hub.campaigns.effects import Bringer, CampaignEffects
from hub.campaigns.held import awaiting_campaign, held_of, is_dangerous, new_approval
from hub.campaigns.journey import CampaignTarget, Goal, Phase, Status
from hub.campaigns.journey import error as error_of
from hub.campaigns.penalty import Penalty
from hub.campaigns.records import (
    Campaign,
    Load,
    Name,
    NewCampaign,
    Participation,
    RollOut,
    Terms,
    summary_of,
)
from hub.campaigns.store import CampaignStore
from hub.campaigns.waves import (
    WISHES,
    CampaignStatus,
    Move,
    StopAt,
    TargetCounts,
    Wave,
    Wish,
    problem_of,
    waves_of,
)
from hub.commands.service import CommandService
from hub.rights.guarded import UNGUARDED
from hub.telemetry.writer import TelemetryWriter
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.replies import ErrorObject

__all__ = [
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
    "CampaignTarget",
    "Terms",
    "Wave",
    "Wish",
]

NEWEST_PARTS: Final = 50
NO_SUCH_DEPLOYMENT: Final = "no such deployment"
MOST_DEVICES: Final = 100_000
MOST_ROWS: Final = 10_000
"""Of the audit that one campaign begins with: as many as a bulk call has."""
LEFT_OUT: Final = error_of("no_wave", "it is not part of any wave")
ABORTED: Final = error_of("aborted", "the campaign was aborted before the device's turn")


class CampaignService:
    def __init__(
        self,
        store: CampaignStore,
        commands: CommandService,
        audit: AuditService,
        telemetry: TelemetryWriter,
        approvals: ApprovalService,
        shown_since: ShownSince = everything_since,
    ) -> None:
        """`shown_since`: since when an organisation is shown what has ended."""
        self._store = store
        self._shown_since = shown_since
        self._commands = commands
        self._audit = audit
        self._approvals = approvals
        self._effects = CampaignEffects(store, commands, telemetry)
        self.driver = Driver(store, self._effects)
        approvals.carry_out("campaign", self.approved)

    async def create(
        self, by: Principal, new: NewCampaign, *, action: str, approval: bool = False
    ) -> Campaign:
        """Commit a campaign; it begins at once, unless a second person has to approve it: because
        of what is set, or with `approval` in any case. Raises `Invalid`, `BlastRadiusExceeded`,
        `TooMany`."""
        _check(new)
        guarded = await self._approvals.guarded(by.org)
        if guarded is not UNGUARDED or approval:
            name = await self._right_name(by, new.command)
            admitted = await self._approvals.admit(
                by,
                new_approval(new, action, right_name=name),
                guarded,
                dangerous=is_dangerous(new),
                asked=approval,
            )
            if isinstance(admitted, Approval):
                return awaiting_campaign(admitted)
        return await self._begin(by, (by.org, uuid7()), new, action, None)

    async def _right_name(self, by: Principal, load: Load) -> str | None:
        if isinstance(load, RollOut):
            return load.name
        return await self._commands.rights.name_of(by.org, load)

    async def approved(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals: the campaign has the id that it was given."""
        held, name = held_of(approval), (approval.org, approval.subject or "")
        await self._begin(asker, name, held.new, held.action, error)
        return {}

    async def _begin(
        self,
        by: Principal,
        name: Name,
        new: NewCampaign,
        action: str,
        error: ErrorObject | None,
    ) -> Campaign:
        """What is not approved ends before it begins."""
        waves = waves_of(new.terms.waves, len(new.devices))
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.lock(connection, name)
            if found is not None:
                return found
            await self._store.add(connection, name, new, waves, by=by, left_out=LEFT_OUT)
            campaign = await self._found(connection, name)
            entries = _begun(by, action, campaign, new.devices)
            if error is not None:
                code = error["code"]
                await self._move(connection, campaign, CampaignStatus.ABORTED, because=code)
                entries = [structs.replace(entries[0], outcome="refused", reason=code)]
            await self._audit.record(connection, *entries)
        return campaign

    async def ask(self, by: Principal, campaign_id: str, wish: Wish, *, action: str) -> Campaign:
        """Pause, resume or abort. Raises `NotFound`, or `Conflict` when it is too late for it."""
        name: Name = (by.org, campaign_id)
        if wish is Wish.ABORT and await self._withdraw(by, campaign_id):
            return await self.get(by.org, campaign_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            campaign = await self._store.lock(connection, name)
            if campaign is None:
                raise NotFound(NO_SUCH_DEPLOYMENT)
            status = WISHES.get((campaign.status, wish))
            if status is None:
                raise Conflict(f"it is {campaign.status}: too late to {wish}")
            if status is campaign.status:
                return campaign
            skipped = await self._move(connection, campaign, status)
            if wish is Wish.RESUME:
                await self._store.own(connection, name, by)
            entry = audit_entry(by, action, campaign_id)
            await self._audit.record(connection, entry)
            campaign = await self._found(connection, name)
            await self._effects.keep(connection, campaign, skipped)
        self._effects.publish(campaign, skipped)
        return campaign

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
        if found is not None:
            await self._approvals.cancel(by, found)
        return found is not None

    async def get(self, org: OrgId, campaign_id: str) -> Campaign:
        """Raises `NotFound`."""
        async with self._store.database.tenant(org).transaction() as connection:
            campaign = await self._store.get(connection, (org, campaign_id))
        if campaign is None:
            found = await self._approvals.waiting_for(org, campaign_id)
            if found is None:
                raise NotFound(NO_SUCH_DEPLOYMENT)
            return awaiting_campaign(found)
        since = await self._shown_since(org)
        if since and campaign.finished_at and campaign.finished_at < since:
            raise NotFound(NO_SUCH_DEPLOYMENT)
        return campaign

    async def _found(self, connection: Connection, name: Name) -> Campaign:
        campaign = await self._store.get(connection, name)
        if campaign is None:
            raise NotFound(NO_SUCH_DEPLOYMENT)
        return campaign

    def bring_by(self, bringer: Bringer) -> None:
        """Who brings applications."""
        self._effects.bring_by(bringer)

    async def list(
        self, org: OrgId, *, cursor: str | None, limit: int, application: str | None = None
    ) -> Items[Campaign]:
        """Those of an application; None: those of commands."""
        rows = await self._store.list(
            org,
            application=application,
            before=decode_cursor(cursor),
            limit=limit + 1,
            ended_since=await self._shown_since(org),
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.campaign_id), item=lambda row: row
        )

    async def devices(
        self, org: OrgId, campaign_id: str, *, behind: int | None, limit: int
    ) -> "Sequence[CampaignTarget]":
        await self.get(org, campaign_id)
        return await self._store.devices((org, campaign_id), behind=behind, limit=limit)

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
        await self._store.forget(days)


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


def _check(new: NewCampaign) -> None:
    problem = problem_of(new.terms.waves)
    if problem is not None:
        raise invalid("waves", problem)
    if not new.devices:
        raise invalid("target", "there is no such device")
    if len(new.devices) > MOST_DEVICES:
        raise invalid(
            "target", f"{len(new.devices)} devices; a campaign has at most {MOST_DEVICES}"
        )
