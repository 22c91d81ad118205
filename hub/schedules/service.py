"""Schedules for callers: made, changed, given to others, run at once, read. Jobs do the rest."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from hub.approvals.service import Approval, ApprovalService
from hub.audit.entries import AuditEntry, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    Conflict,
    Escalation,
    Forbidden,
    HubError,
    NotFound,
    TooMany,
    Unavailable,
    invalid,
)
from hub.base.holding import Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.campaigns.service import CampaignService
from hub.rights.access import may_everywhere
from hub.rights.guarded import UNGUARDED
from hub.rights.memory import RightsMemory
from hub.schedules.beginning import Beginning
from hub.schedules.checking import ScheduleChecks, require_timing
from hub.schedules.deciding import NewRun
from hub.schedules.held import approval_of_schedule, held_schedule, is_dangerous
from hub.schedules.owners import may_have
from hub.schedules.records import (
    JOB,
    MOST_SCHEDULES,
    GivenSchedule,
    Schedule,
    ScheduledCommand,
    ScheduleRun,
    ScheduleStatus,
    kind_of,
    rights_for,
)
from hub.schedules.store import DueSchedule, ScheduleStore
from hub.schedules.timing import (
    DEVICE,
    FIRST_YEAR,
    LAST_YEAR,
    SHOWN,
    Timing,
    zones_for,
)
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.replies import ErrorObject

NO_SCHEDULE: Final = "no such schedule"


class ScheduleService:
    def __init__(
        self,
        store: ScheduleStore,
        audit: AuditService,
        checks: ScheduleChecks,
        campaigns: CampaignService,
        approvals: ApprovalService,
        rights: RightsMemory,
        beginning: Beginning,
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._checks = checks
        self._campaigns = campaigns
        self._approvals = approvals
        self._rights = rights
        self._beginning = beginning
        self._wake_jobs = wake_jobs
        approvals.carry_out("schedule", self.approved)

    # Reading

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[Schedule]:
        """Who has the right over some devices only sees their own."""
        everywhere = may_everywhere(by, "schedules:list")
        rows = await self._store.list(
            by.org,
            of=None if everywhere else (by.subject, by.key_id),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.schedule_id), item=lambda row: row
        )

    async def get(self, by: Principal, schedule_id: str) -> Schedule:
        """Raises `NotFound`."""
        return _mine(by, "schedules:get", await self._store.get(by.org, schedule_id))

    async def runs(
        self, by: Principal, schedule_id: str, *, cursor: str | None, limit: int
    ) -> Items[ScheduleRun]:
        """Raises `NotFound`."""
        await self.get(by, schedule_id)
        rows = await self._store.runs(
            by.org, schedule_id, before=decode_cursor(cursor), limit=limit + 1
        )
        return page_of(rows, limit, key=lambda row: (row.due, row.run_id), item=lambda row: row)

    async def coming(self, org: OrgId, schedules: Sequence[Schedule]) -> "list[list[datetime]]":
        """Of each of these the next due times; none of one that is not active."""
        zones: Collection[str] = ()
        if any(each.given.timing.timezone == DEVICE for each in schedules):
            zones = await self._checks.zones(org)
        now = self._checks.now()
        return [
            await self._checks.upcoming(
                each.given.timing, zones_for(each.given.timing, zones), max(each.since, now), SHOWN
            )
            if each.status is ScheduleStatus.ACTIVE
            else []
            for each in schedules
        ]

    async def preview(
        self, org: OrgId, timing: Timing, since: datetime | None, count: int
    ) -> "list[datetime]":
        """Due times strictly after a moment; None: now. Fewer, where they come very seldom. Raises
        `Invalid`."""
        after = self._checks.now() if since is None else since.astimezone(UTC)
        if not FIRST_YEAR <= after.year < LAST_YEAR:
            raise invalid("from", f"must be from {FIRST_YEAR} on and before {LAST_YEAR}")
        require_timing(timing)
        zones = await self._checks.zones(org) if timing.timezone == DEVICE else ()
        return await self._checks.upcoming(timing, zones_for(timing, zones), after, count)

    # Changing

    async def create(self, by: Principal, given: GivenSchedule) -> Schedule | Approval:
        """It may have to wait for a second person. Raises `Invalid`, `Forbidden`, `NotFound`,
        `NeedsSignature`, `BlastRadiusExceeded`, `TooMany`."""
        devices = await self._checks.check(by, given)
        schedule_id = uuid7()
        held = await self._held(by, schedule_id, given, devices, replaces=False)
        return held or await self._add(by, schedule_id, given)

    async def replace(
        self, by: Principal, schedule_id: str, given: GivenSchedule
    ) -> Schedule | Approval:
        """Whoever does is its owner from then on. Raises as `create` does."""
        _mine(by, "schedules:update", await self.get(by, schedule_id))
        devices = await self._checks.check(by, given)
        held = await self._held(by, schedule_id, given, devices, replaces=True)
        return held or await self._put(by, schedule_id, given)

    async def approved(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals: the schedule has the id that it was given."""
        if error is not None:
            return {}
        held, schedule_id = held_schedule(approval), approval.subject or ""
        try:
            await self._checks.check(asker, held.given)
            if held.replaces:
                await self._put(asker, schedule_id, held.given)
            else:
                await self._add(asker, schedule_id, held.given)
        except (Forbidden, Unavailable):
            raise
        except HubError as refused:
            why: ErrorObject = {"code": str(refused.code), "message": refused.detail}
            return dict.fromkeys(approval.device_ids or [schedule_id], why)
        return {}

    async def give_to(self, by: Principal, schedule_id: str, user_id: str) -> Schedule:
        """That member's rights count from now on; one that was suspended goes on. Raises
        `NotFound`, `Invalid`, and `Escalation` for one who may more than the caller."""
        former = await self.get(by, schedule_id)
        if not may_everywhere(by, "schedules:update"):
            raise Forbidden("an administrator says who owns a schedule")
        holding = await self._rights.holding(by.org, "user", user_id, None)
        if not may_have(holding, rights_for(former.given.work)):
            raise invalid("userId", "is no member who may do this")
        if not await self._rights.covers_member(by, user_id):
            raise Escalation("that member may do more than you")
        async with self._store.database.tenant(by.org).transaction() as connection:
            was = await self._locked(connection, by, "schedules:update", schedule_id)
            name = await self._store.member_name(connection, by.org, user_id)
            if name is None:
                raise invalid("userId", "is no member who may do this")
            now = await self._store.put_owner(connection, was, user_id, name)
            await self._store.wake(connection, JOB, by.org, schedule_id)
            changes = {"owner": (was.owner_name, name)}
            entry = audit_entry(by, "schedule.owner", schedule_id, changes=changes)
            await self._audit.record(connection, entry)
        self._wake_jobs()
        return now

    async def delete(self, by: Principal, schedule_id: str) -> None:
        """With its runs: what was sent goes on, nothing more is sent. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._locked(connection, by, "schedules:delete", schedule_id)
            name = await self._store.delete(connection, by.org, schedule_id)
            entry = audit_entry(by, "schedule.delete", schedule_id, name=name)
            await self._audit.record(connection, entry)

    async def run(self, by: Principal, schedule_id: str) -> ScheduleRun:
        """Now, for whoever its target means, with the rights of its owner; the caller needs them
        as well, over each device where it is another's. Raises `NotFound`, `Forbidden`, `Conflict`
        for one that has ended or was suspended by the hub."""
        await self._checks.require_doing(by, await self.get(by, schedule_id))
        async with self._store.database.tenant(by.org).transaction() as connection:
            locked = await self._lock(connection, by, "schedules:update", schedule_id)
            schedule = locked.schedule
            if schedule.ended_at is not None or schedule.reason is not None:
                raise Conflict(f"it is {schedule.status}: nothing more is sent")
            new = NewRun(due=locked.now)
            run = await self._beginning.begin(connection, schedule, new, by_hand=True)
            if run is None:
                raise Conflict("it is due at this very moment")
            entry = audit_entry(by, "schedule.run", schedule_id, runId=run.run_id)
            await self._audit.record(connection, entry)
        self._wake_jobs()
        return run

    # How

    async def _add(self, by: Principal, schedule_id: str, given: GivenSchedule) -> Schedule:
        async with self._store.database.tenant(by.org).transaction() as connection:
            if await self._store.change_alone(connection, by.org) >= MOST_SCHEDULES:
                raise TooMany(f"an organisation has {MOST_SCHEDULES} schedules at most")
            made = await self._store.add(connection, by, schedule_id, given)
            if made is None:
                return await self._locked(connection, by, "schedules:get", schedule_id)
            await self._store.wake(connection, JOB, by.org, schedule_id)
            entry = _created(by, schedule_id, given)
            await self._audit.record(connection, entry)
        self._wake_jobs()
        return made

    async def _put(self, by: Principal, schedule_id: str, given: GivenSchedule) -> Schedule:
        async with self._store.database.tenant(by.org).transaction() as connection:
            count = await self._store.change_alone(connection, by.org)
            was = await self._locked(connection, by, "schedules:update", schedule_id)
            if was.ended_at is not None and count >= MOST_SCHEDULES:
                raise TooMany(f"an organisation has {MOST_SCHEDULES} schedules at most")
            now = await self._store.put(connection, by, schedule_id, given)
            await self._store.wake(connection, JOB, by.org, schedule_id)
            changes = changes_of(_shown(was), _shown(now))
            entry = audit_entry(by, "schedule.update", schedule_id, changes=changes)
            await self._audit.record(connection, entry)
        self._wake_jobs()
        return now

    async def _locked(
        self, connection: Connection, by: Principal, right: Right, schedule_id: str
    ) -> Schedule:
        return (await self._lock(connection, by, right, schedule_id)).schedule

    async def _lock(
        self, connection: Connection, by: Principal, right: Right, schedule_id: str
    ) -> DueSchedule:
        found = await self._store.lock(connection, by.org, schedule_id)
        if found is None:
            raise NotFound(NO_SCHEDULE)
        _mine(by, right, found.schedule)
        return found

    async def _held(
        self,
        by: Principal,
        schedule_id: str,
        given: GivenSchedule,
        devices: Sequence[DeviceId],
        *,
        replaces: bool,
    ) -> Approval | None:
        """The approval that it waits for. Nothing is sent now, so nothing counts for the hour."""
        guarded = await self._approvals.guarded(by.org)
        if guarded is UNGUARDED:
            return None
        work = given.work
        load = work.command if isinstance(work, ScheduledCommand) else work.load
        new = approval_of_schedule(
            schedule_id,
            given,
            devices,
            right_name=await self._campaigns.right_name(by.org, load),
            replaces=replaces,
        )
        admitted = await self._approvals.admit(
            by, new, guarded, dangerous=is_dangerous(work), asked=False, later=True
        )
        return admitted if isinstance(admitted, Approval) else None


def _mine(by: Principal, right: Right, schedule: Schedule | None) -> Schedule:
    """One that the caller may do this to: any, or who has the right over some devices only, their
    own. Raises `NotFound`."""
    if schedule is None:
        raise NotFound(NO_SCHEDULE)
    is_own = (schedule.owner_id, schedule.owner_key) == (by.subject, by.key_id)
    if may_everywhere(by, right) or (by.rights.anywhere(right) and is_own):
        return schedule
    raise NotFound(NO_SCHEDULE)


def _created(by: Principal, schedule_id: str, given: GivenSchedule) -> AuditEntry:
    timing = given.timing
    return audit_entry(
        by,
        "schedule.create",
        schedule_id,
        name=given.name,
        when=timing.cron if timing.at is None else timing.at.isoformat(),
        does=kind_of(given.work) or "application",
    )


def _shown(schedule: Schedule) -> dict[str, object]:
    """For the audit, that holds no parameters."""
    given, timing = schedule.given, schedule.given.timing
    return {
        "name": given.name,
        "cron": timing.cron,
        "at": None if timing.at is None else timing.at.isoformat(),
        "timezone": timing.timezone,
        "endsAt": None if timing.ends_at is None else timing.ends_at.isoformat(),
        "does": kind_of(given.work) or "application",
        "missed": given.missed,
        "overlap": given.overlap,
        "jitterSeconds": given.jitter_seconds,
        "enabled": given.enabled,
        "status": str(schedule.status),
        "owner": schedule.owner_name,
    }
