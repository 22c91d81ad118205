"""Carries out runs: each is a job, so that one replica at a time does.

Each look takes the next step that is left (`deciding.step_of`), and notes it in a transaction that
begins by asking whether the job is still this replica's. A driver may die between what it does and
the note of it. The next does the same again: the ids of commands follow from run and device, that
of a campaign is the run's, so what was done is joined and never done twice.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from hub.approvals.service import Approval, ApprovalService
from hub.base.cron import zone_of
from hub.base.database import after_commit
from hub.base.errors import (
    BlastRadiusExceeded,
    Conflict,
    Forbidden,
    HubError,
    Invalid,
    NotFound,
    Overloaded,
    TooMany,
    Unavailable,
)
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.base.principal import Principal
from hub.campaigns.service import (
    MOST_DEVICES,
    CampaignService,
    Loaded,
    NewCampaign,
    RollOut,
)
from hub.commands.service import CommandRequest, CommandService, GivenIds
from hub.rights.guarded import UNGUARDED
from hub.schedules.beginning import Beginning
from hub.schedules.deciding import WHY, RunStep, step_of, why_left_out
from hub.schedules.ending import RunEnds, name_of
from hub.schedules.held import approval_of_run, is_dangerous
from hub.schedules.owners import Owners
from hub.schedules.records import (
    RUN_JOB,
    RunCounts,
    RunStatus,
    Schedule,
    ScheduledCampaign,
    ScheduledCommand,
    ScheduleRun,
    Work,
    command_id_of,
    hash_of,
)
from hub.schedules.store import DrivenRun, RunName, ScheduleStore
from hub.schedules.timing import DEVICE, comes_at, offset_of
from protocol.ids import DeviceId
from protocol.replies import ErrorObject

log = structlog.get_logger(__name__)

SLICE: Final = 1000
"""Targets of one transaction."""
TURNS: Final = 20
"""Steps of one run of the job; then others have theirs."""
AT_ONCE: Final = 20
MOST: Final = 200
AWAIT_SECONDS: Final = 5.0
BUSY_SECONDS: Final = 1.0
FORBIDDEN: Final = "forbidden"
GONE: Final = "device_deleted"


class RunDriver:
    def __init__(
        self,
        store: ScheduleStore,
        commands: CommandService,
        campaigns: CampaignService,
        approvals: ApprovalService,
        owners: Owners,
        beginning: Beginning,
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._commands = commands
        self._campaigns = campaigns
        self._approvals = approvals
        self._owners = owners
        self._beginning = beginning
        self._ends = RunEnds(store, commands, campaigns, approvals, beginning.tell)
        self._wake_jobs = wake_jobs
        self.kind = JobKind(name=RUN_JOB, run=self.run, at_once=AT_ONCE, most=MOST)
        approvals.carry_out("schedule_run", self.approved)

    async def run(self, job: HeldJob) -> RunOutcome:
        """Raises `LeaseLost`, `Unavailable`."""
        try:
            for _ in range(TURNS):
                outcome = await self.step(job)
                if outcome is not None:
                    return outcome
        except Overloaded as busy:
            log.info("schedule_run_waits", run=job.key, error=busy.detail)
            return RunOutcome(wait=BUSY_SECONDS)
        return RunOutcome(wait=0.0)

    async def step(self, job: HeldJob) -> RunOutcome | None:
        """The next step; None to go on at once."""
        async with self._store.database.connection() as connection:
            driven = await self._store.driven(connection, name_of(job))
        if driven is None:
            return await self._ends.drop(job)
        match step_of(driven.run, driven.schedule):
            case RunStep.CLOSE:
                return await self._ends.close(job, driven)
            case RunStep.LEAVE_OUT:
                return await self._leave_out(job, driven)
            case RunStep.LOOK_UP:
                return await self._look_up(job, driven)
            case RunStep.ADMIT:
                return await self._admit(job, driven)
            case RunStep.AWAIT:
                return RunOutcome(wait=AWAIT_SECONDS)
            case RunStep.SEND:
                work = driven.schedule.given.work
                if isinstance(work, ScheduledCampaign):
                    return await self._bring(job, driven, work)
                return await self._send(job, driven, work)
            case RunStep.WATCH:
                return await self._ends.watch(job, driven)

    # Whom it is for

    async def _look_up(self, job: HeldJob, driven: DrivenRun) -> RunOutcome | None:
        run, schedule = driven.run, driven.schedule
        work = schedule.given.work
        try:
            devices = await self._found(schedule)
        except (NotFound, Invalid) as gone:
            return await self._fail(job, run, gone)
        if len(devices) > MOST_DEVICES:
            return await self._fail(job, run, TooMany(f"over {MOST_DEVICES} devices"))
        is_zoned = schedule.given.timing.timezone == DEVICE and not run.by_hand
        if is_zoned:
            devices = await self._in_zone(schedule, run, devices)
        skipped: Mapping[str, int] = {}
        owner = await self._owners.principal(schedule)
        if schedule.given.target.device_ids is None:
            devices = await self._known_to(owner, work, devices)
        if isinstance(work, ScheduledCommand):
            devices, skipped = await self._judge(owner, work, devices)
            devices = sorted(devices, key=lambda each: (_offset(schedule, each), each))
        async with self._ends.noting(job) as connection:
            if is_zoned and not devices and not skipped:
                await self._store.drop(connection, name_of(job))
            else:
                await self._store.look_up(connection, name_of(job), devices, skipped)
        return None

    async def _found(self, schedule: Schedule) -> list[DeviceId]:
        """Who was named and is there no more, has an entry of its own."""
        target = schedule.given.target
        if target.device_ids is not None:
            return list(dict.fromkeys(target.device_ids))
        return await self._campaigns.find(schedule.org, target)

    async def _in_zone(
        self, schedule: Schedule, run: ScheduleRun, devices: Sequence[DeviceId]
    ) -> list[DeviceId]:
        """Those in whose zones it comes now."""
        zones = await self._store.zones_of(schedule.org, devices)
        cron = schedule.given.timing.cron or ""
        firing = {zone for zone in set(zones.values()) if comes_at(cron, zone_of(zone), run.due)}
        return [each for each in devices if zones.get(each) in firing]

    async def _known_to(
        self, owner: Principal, work: Work, devices: Sequence[DeviceId]
    ) -> list[DeviceId]:
        """Those that its owner sees: of the others they hear nothing, not even how many match."""
        command = work.command if isinstance(work, ScheduledCommand) else work.load
        if isinstance(command, RollOut):
            return list(devices)
        try:
            _, refused = await self._commands.rights.sort(owner, command, devices)
        except Forbidden:
            return [DeviceId(each) for each in await self._commands.rights.seen(owner, devices)]
        return [each for each in devices if not isinstance(refused.get(each), NotFound)]

    async def _judge(
        self, owner: Principal, work: ScheduledCommand, devices: Sequence[DeviceId]
    ) -> tuple[list[DeviceId], dict[str, int]]:
        """Those to which its owner may send it at this moment, and how many others there are."""
        try:
            going, refused = await self._commands.rights.sort(owner, work.command, devices)
        except Forbidden:
            going, refused = [], dict.fromkeys(devices)
        return [DeviceId(each) for each in going], {FORBIDDEN: len(refused)} if refused else {}

    # Whether it may

    async def _admit(self, job: HeldJob, driven: DrivenRun) -> RunOutcome | None:
        run, schedule = driven.run, driven.schedule
        work = schedule.given.work
        guarded = await self._approvals.guarded(run.org)
        approval_id: str | None = None
        if guarded is not UNGUARDED:
            owner = await self._owners.principal(schedule)
            async with self._store.database.connection() as connection:
                devices = await self._store.turns(connection, name_of(job), MOST_DEVICES)
            new = approval_of_run(run, work, devices, right_name=await self._right_name(schedule))
            try:
                admitted = await self._approvals.admit(
                    owner, new, guarded, dangerous=is_dangerous(work), asked=False
                )
            except (BlastRadiusExceeded, Conflict, TooMany) as refused:
                return await self._fail(job, run, refused)
            if isinstance(admitted, Approval):
                approval_id = admitted.approval_id
        async with self._ends.noting(job) as connection:
            await self._store.awaits(connection, name_of(job), approval_id)
            after_commit(lambda: self._beginning.tell(run.org, run.schedule_id))
        return None

    async def _right_name(self, schedule: Schedule) -> str | None:
        work = schedule.given.work
        if isinstance(work, ScheduledCommand):
            return await self._commands.rights.name_of(schedule.org, work.command)
        return await self._campaigns.right_name(schedule.org, work.load)

    async def approved(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals: the run goes on, or is over."""
        name: RunName = (approval.org, approval.subject or "")
        async with self._store.database.tenant(asker.org).transaction() as connection:
            if error is None:
                waited = await self._store.admit(connection, name)
            else:
                waited = bool(await self._store.end(connection, name[0], [name[1]], error))
            if waited:
                await self._store.wake(connection, RUN_JOB, *name)
        self._wake_jobs()
        return {}

    # What is done

    async def _bring(
        self, job: HeldJob, driven: DrivenRun, work: ScheduledCampaign
    ) -> RunOutcome | None:
        """Its campaign begins."""
        run, schedule = driven.run, driven.schedule
        owner = await self._owners.principal(schedule)
        async with self._store.database.connection() as connection:
            devices = await self._store.turns(connection, name_of(job), MOST_DEVICES)
        try:
            loaded = await self._campaigns.load_again(
                owner,
                work.kind,
                work.subject,
                work.load,
                allow_downgrade=work.terms.allow_downgrade,
            )
            await self._campaigns.begin(
                owner, run.run_id, _campaign_of(schedule, work, loaded, devices)
            )
        except (Forbidden, NotFound, Invalid, Conflict, TooMany) as refused:
            return await self._fail(job, run, refused)
        async with self._ends.noting(job) as connection:
            await self._store.sent(connection, run, len(devices), {})
        return None

    async def _send(
        self, job: HeldJob, driven: DrivenRun, work: ScheduledCommand
    ) -> RunOutcome | None:
        """To the next of those whose turn has come."""
        run, schedule = driven.run, driven.schedule
        async with self._store.database.connection() as connection:
            following = await self._store.turns(connection, name_of(job), SLICE)
        ready = [each for each in following if _offset(schedule, each) <= driven.seconds]
        if not ready:
            return RunOutcome(wait=_offset(schedule, following[0]) - driven.seconds)
        owner = await self._owners.principal(schedule)
        going, forbidden = await self._judge(owner, work, ready)
        skipped = Counter(run.skipped) + Counter(forbidden)
        if going:
            skipped += Counter(await self._dispatch(owner, run, work, going))
        async with self._ends.noting(job) as connection:
            await self._store.sent(connection, run, len(ready), skipped)
        return None

    async def _dispatch(
        self,
        owner: Principal,
        run: ScheduleRun,
        work: ScheduledCommand,
        devices: Sequence[DeviceId],
    ) -> list[str]:
        """Why those got nothing that did not. Raises `Unavailable`, `Overloaded`."""
        request = CommandRequest(
            command=work.command,
            timeout_ms=work.timeout_ms,
            delivery=work.delivery,
            expires_at=work.expires_at,
            wait=False,
        )
        named = [(each, command_id_of(run.run_id, each)) for each in devices]
        given = GivenIds(hash_of(run.run_id), run.approval_id)
        try:
            outcomes = await self._commands.send_given(
                owner, request, named, batch_id=run.run_id, given=given
            )
        except (Unavailable, Overloaded):
            raise
        except HubError as refused:
            return [_code(refused)] * len(devices)
        return [_code(each) for each in outcomes.values() if isinstance(each, HubError)]

    async def _leave_out(self, job: HeldJob, driven: DrivenRun) -> RunOutcome | None:
        run = driven.run
        why = str(why_left_out(run, driven.schedule))
        if run.total is None:
            return await self._fail(job, run, None, code=why)
        left = run.total - run.sent
        skipped = {**run.skipped, why: run.skipped.get(why, 0) + left}
        async with self._ends.noting(job) as connection:
            await self._store.sent(connection, run, left, skipped)
        return None

    async def _fail(
        self, job: HeldJob, run: ScheduleRun, refused: HubError | None, *, code: str | None = None
    ) -> RunOutcome:
        """It could not begin."""
        why = code or str(refused.code if refused else "")
        message = refused.detail if refused else WHY.get(why, why)
        error: ErrorObject = {"code": why, "message": message}
        counts = RunCounts(skipped=run.total or 0)
        return await self._ends.end(job, run, RunStatus.FAILED, counts, error)


def _offset(schedule: Schedule, device_id: DeviceId) -> float:
    return offset_of(schedule.schedule_id, device_id, schedule.given.jitter_seconds)


def _code(refused: HubError) -> str:
    return GONE if isinstance(refused, NotFound) else str(refused.code)


def _campaign_of(
    schedule: Schedule, work: ScheduledCampaign, loaded: Loaded, devices: Sequence[DeviceId]
) -> NewCampaign:
    return NewCampaign(
        kind=work.kind,
        subject=work.subject,
        command=loaded.load,
        terms=replace(work.terms, version=loaded.version),
        devices=list(devices),
        target=schedule.given.target,
        name=work.name or schedule.given.name,
    )
