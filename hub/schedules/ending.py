"""How runs end: their devices are waited for, or what is under way of them is cancelled."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from msgspec.structs import replace

from hub.approvals.service import ApprovalService
from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.base.errors import Conflict, Ended, NotFound
from hub.base.job_store import fence, remove_job
from hub.base.jobs import HeldJob, RunOutcome
from hub.base.principal import Principal
from hub.campaigns.service import FINISHED, CampaignService, Wish
from hub.commands.service import CommandService
from hub.schedules.deciding import counts_of, error_of, is_over, pause_of, status_of
from hub.schedules.due import org_of
from hub.schedules.owners import the_hub
from hub.schedules.records import RunCounts, RunStatus, ScheduleRun
from hub.schedules.store import DrivenRun, RunName, ScheduleStore
from protocol.ids import OrgId
from protocol.replies import ErrorObject

CANCELLED_AT_ONCE: Final = 100


class RunEnds:
    """`tell` has dashboards read a schedule again."""

    def __init__(
        self,
        store: ScheduleStore,
        commands: CommandService,
        campaigns: CampaignService,
        approvals: ApprovalService,
        tell: Callable[[OrgId, str], None],
    ) -> None:
        self._store = store
        self._commands = commands
        self._campaigns = campaigns
        self._approvals = approvals
        self._tell = tell

    async def watch(self, job: HeldJob, driven: DrivenRun) -> RunOutcome | None:
        run = driven.run
        counts, over, error = await self._standing(driven)
        if not over:
            if counts != run.counts:
                async with self.noting(job) as connection:
                    await self._store.counted(connection, name_of(job), counts)
                    after_commit(lambda: self._tell(run.org, run.schedule_id))
            return RunOutcome(wait=pause_of(driven.seconds))
        return await self.end(job, run, status_of(counts), counts, error)

    async def _standing(self, driven: DrivenRun) -> tuple[RunCounts, bool, ErrorObject | None]:
        """How its devices stand, whether that is all, and what of it went wrong."""
        run = driven.run
        if run.is_campaign and run.total:
            try:
                campaign = await self._campaigns.get(run.org, run.run_id)
            except NotFound:  # forgotten, or never begun
                return run.counts, True, None
            counts = RunCounts(
                **{name: getattr(campaign.counts, name) for name in RunCounts.__struct_fields__}
            )
            why = campaign.stopped_because
            error: ErrorObject | None = None if why is None else {"code": why, "message": why}
            return counts, campaign.status in FINISHED, error
        async with self._store.database.connection() as connection:
            commands = await self._store.commands(connection, (run.org, run.run_id))
        counts = counts_of(run, commands)
        return counts, is_over(run, counts), error_of(run.skipped)

    async def close(self, job: HeldJob, driven: DrivenRun) -> RunOutcome | None:
        """Of one that was ended from outside: what is under way of it is cancelled, and seen to
        its end."""
        run = driven.run
        run = replace(run, total=run.total or 0, sent=run.total or 0)
        if run.is_campaign:
            await self._abort(driven)
        elif await self._cancel(driven):
            return RunOutcome(wait=0.0)
        counts, over, _ = await self._standing(replace(driven, run=run))
        if not over:
            return RunOutcome(wait=pause_of(driven.seconds))
        status = RunStatus.PARTLY if counts.success else RunStatus.FAILED
        return await self.end(job, run, status, counts, None)

    async def _abort(self, driven: DrivenRun) -> None:
        by, campaign_id = the_hub(driven.schedule), driven.run.run_id
        try:
            await self._campaigns.ask(by, campaign_id, Wish.ABORT, action="campaign.abort")
        except (NotFound, Conflict):
            return  # it never began, or is over

    async def _cancel(self, driven: DrivenRun) -> bool:
        """Some of what is under way; whether there was any."""
        by, name = the_hub(driven.schedule), (driven.run.org, driven.run.run_id)
        async with self._store.database.connection() as connection:
            found = await self._store.unfinished(connection, name, CANCELLED_AT_ONCE)
        for device_id, command_id in found:
            try:
                await self._commands.cancel(by, device_id, command_id)
            except (Ended, NotFound):
                continue  # its end came first
        return bool(found)

    async def end(
        self,
        job: HeldJob,
        run: ScheduleRun,
        status: RunStatus,
        counts: RunCounts,
        error: ErrorObject | None,
    ) -> RunOutcome:
        async with self.noting(job) as connection:
            await self._store.close(connection, name_of(job), status, counts, error)
            await remove_job(connection, job)

            def told() -> None:
                metrics.schedule_runs.labels(str(status)).inc()
                self._tell(run.org, run.schedule_id)

            after_commit(told)
        if run.approval_id is not None and not run.admitted:
            await self._withdraw(job)
        return RunOutcome()

    async def drop(self, job: HeldJob) -> RunOutcome:
        """Of one that is gone, with its schedule."""
        async with self.noting(job) as connection:
            await remove_job(connection, job)
        await self._withdraw(job)
        return RunOutcome()

    async def _withdraw(self, job: HeldJob) -> None:
        """Nobody need approve it any more."""
        org, run_id = name_of(job)
        found = await self._approvals.waiting_for(org, run_id, kind="schedule_run")
        if found is not None:
            by = Principal(org=org, kind="hub", subject="", actor="hub")
            with suppress(Ended, NotFound):  # somebody was faster
                await self._approvals.cancel(by, found)

    @asynccontextmanager
    async def noting(self, job: HeldJob) -> AsyncGenerator[Connection]:
        """A transaction of whoever still holds the job. Raises `LeaseLost`."""
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            yield connection


def name_of(job: HeldJob) -> RunName:
    return org_of(job), job.key
