"""`/schedules`, what is to come of each, and its runs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from hub.approvals.service import Approval, awaiting
from hub.base.errors import invalid
from hub.base.paging import Items
from hub.base.principal import Principal
from hub.base.zones import Zone
from hub.campaigns.rest import (
    ApplicationLoad,
    CampaignPlanBody,
    CampaignTargetBody,
    CampaignTerms,
    Secrets,
    ShownTarget,
    TimeoutMs,
    loaded_of,
    shown_command,
    shown_target,
    shown_terms,
    target_of,
    terms_of,
)
from hub.campaigns.service import CampaignService, RollOut
from hub.schedules.records import (
    GivenSchedule,
    Missed,
    Overlap,
    Reason,
    RunCounts,
    RunStatus,
    Schedule,
    ScheduledCampaign,
    ScheduledCommand,
    ScheduleRun,
    ScheduleStatus,
    Work,
)
from hub.schedules.service import ScheduleService
from hub.schedules.timing import Timing
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.commands import Command
from protocol.replies import ErrorObject

Cron = Annotated[str, Meta(min_length=1, max_length=256)]


class ScheduleBody(Body, frozen=True):
    """Exactly one of `cron` and `at`, and of `command` and `campaign`. `delivery`, `timeoutMs` and
    `expiresAt` go with a command; `timezone` may be `device`: then it comes in the zone of each."""

    name: Text
    target: CampaignTargetBody
    cron: Cron | None = None
    at: Moment | None = None
    timezone: Zone = "UTC"
    command: Command | None = None
    delivery: Literal["now", "queue"] | None = None
    timeout_ms: TimeoutMs | None = None
    expires_at: Moment | None = None
    campaign: CampaignPlanBody | None = None
    missed: Missed = "skip"
    overlap: Overlap = "skip"
    jitter_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    enabled: bool = True
    ends_at: Moment | None = None


class ScheduleOwnerBody(Body, frozen=True):
    user_id: Text


class SchedulePreviewBody(Body, frozen=True):
    """`from`: now, where it is not given."""

    cron: Cron
    timezone: Zone = "UTC"
    from_: Moment | None = field(name="from", default=None)
    count: Annotated[int, Meta(ge=1, le=100)] = 5


class ShownPlan(Struct, frozen=True, rename="camel", kw_only=True):
    """One of `command`, `releaseId` and `application` says what it brings."""

    name: str | None
    command: dict[str, Any] | None
    release_id: str | None
    application: ApplicationLoad | None
    terms: CampaignTerms


class ScheduleItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    cron: str | None
    at: str | None
    timezone: str
    target: ShownTarget
    command: dict[str, Any] | None
    delivery: Literal["now", "queue"] | None
    timeout_ms: int | None
    expires_at: str | None
    campaign: ShownPlan | None
    missed: Missed
    overlap: Overlap
    jitter_seconds: int
    enabled: bool
    ends_at: str | None
    status: ScheduleStatus
    reason: Reason | None
    """Why it is suspended."""
    next_runs: list[str]
    owner: str
    """Whose rights count whenever it sends."""
    created_at: str
    created_by: str
    updated_at: str


class ScheduleRunItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    due: str
    started_at: str | None
    finished_at: str | None
    status: RunStatus
    counts: RunCounts
    stands_for: int | None
    """How many due times that were missed it stands for."""
    campaign_id: str | None
    batch_id: str | None
    approval_id: str | UnsetType = UNSET
    """The approval that it waits for, or has."""
    error: ErrorObject | None


class ScheduleEndpoints:
    """`secrets` gives what hides in configurations of an organisation that nobody reads back."""

    def __init__(
        self, service: ScheduleService, campaigns: CampaignService, secrets: Secrets
    ) -> None:
        self._service = service
        self._campaigns = campaigns
        self._secrets = secrets

    async def list(self, call: Call[ListQuery, None]) -> Items[ScheduleItem]:
        by, query = call.principal, call.query
        page = await self._service.list(by, cursor=query.cursor, limit=query.limit)
        return Items(await self._items(by, page.items), page.next)

    async def create(self, call: Call[None, ScheduleBody]) -> Answer:
        by = call.principal
        made = await self._service.create(by, await self._given(by, call.body))
        if isinstance(made, Approval):
            return _awaiting(made)
        return Answer(await self._item(by, made), status=201, location=_place(made.schedule_id))

    async def get(self, call: Call[None, None]) -> ScheduleItem:
        by = call.principal
        return await self._item(by, await self._service.get(by, call.path("id")))

    async def replace(self, call: Call[None, ScheduleBody]) -> Answer:
        by = call.principal
        given = await self._given(by, call.body)
        made = await self._service.replace(by, call.path("id"), given)
        if isinstance(made, Approval):
            return _awaiting(made)
        return Answer(await self._item(by, made))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def give(self, call: Call[None, ScheduleOwnerBody]) -> ScheduleItem:
        by = call.principal
        found = await self._service.give_to(by, call.path("id"), call.body.user_id)
        return await self._item(by, found)

    async def run(self, call: Call[None, None]) -> Answer:
        run = await self._service.run(call.principal, call.path("id"))
        return Answer(_run(run), status=202)

    async def runs(self, call: Call[ListQuery, None]) -> Items[ScheduleRunItem]:
        query = call.query
        page = await self._service.runs(
            call.principal, call.path("id"), cursor=query.cursor, limit=query.limit
        )
        return Items([_run(row) for row in page.items], page.next)

    async def preview(self, call: Call[None, SchedulePreviewBody]) -> "list[str]":
        body = call.body
        timing = Timing(cron=body.cron, timezone=body.timezone)
        found = await self._service.preview(call.principal.org, timing, body.from_, body.count)
        return [rfc3339(each) for each in found]

    # What is given

    async def _given(self, by: Principal, body: ScheduleBody) -> GivenSchedule:
        return GivenSchedule(
            name=body.name,
            timing=Timing(cron=body.cron, at=body.at, timezone=body.timezone, ends_at=body.ends_at),
            target=target_of(body.target),
            work=await self._work(by, body),
            missed=body.missed,
            overlap=body.overlap,
            jitter_seconds=body.jitter_seconds,
            enabled=body.enabled,
        )

    async def _work(self, by: Principal, body: ScheduleBody) -> Work:
        if (body.command is None) == (body.campaign is None):
            raise invalid("command", "exactly one of command and campaign")
        if body.campaign is not None:
            for name in ("delivery", "timeout_ms", "expires_at"):
                if getattr(body, name) is not None:
                    raise invalid(_CAMEL[name], "goes with a command")
            loaded = await loaded_of(self._campaigns.loads, by, body.campaign)
            return ScheduledCampaign(
                kind=loaded.kind,
                subject=loaded.subject,
                load=loaded.load,
                terms=terms_of(body.campaign, loaded),
                name=body.campaign.name,
            )
        if body.command is None:
            raise AssertionError("one of the two is given")
        if body.command.id:
            raise invalid("command.id", "a schedule makes an id for each device")
        return ScheduledCommand(
            command=body.command,
            timeout_ms=body.timeout_ms,
            delivery=body.delivery or "now",
            expires_at=body.expires_at,
        )

    # What is shown

    async def _item(self, by: Principal, schedule: Schedule) -> ScheduleItem:
        return (await self._items(by, [schedule]))[0]

    async def _items(self, by: Principal, schedules: "list[Schedule]") -> "list[ScheduleItem]":
        coming = await self._service.coming(by.org, schedules)
        return [
            await self._shown(by, schedule, times)
            for schedule, times in zip(schedules, coming, strict=True)
        ]

    async def _shown(
        self, by: Principal, schedule: Schedule, coming: "list[datetime]"
    ) -> ScheduleItem:
        given, timing, work = schedule.given, schedule.given.timing, schedule.given.work
        target = await self._campaigns.seen_by(by, given.target)
        single = work if isinstance(work, ScheduledCommand) else None
        return ScheduleItem(
            id=schedule.schedule_id,
            name=given.name,
            cron=timing.cron,
            at=at(timing.at),
            timezone=timing.timezone,
            target=shown_target(target or given.target),
            command=None
            if single is None
            else await shown_command(by, "command", single.command, self._secrets),
            delivery=None if single is None else single.delivery,
            timeout_ms=None if single is None else single.timeout_ms,
            expires_at=None if single is None else at(single.expires_at),
            campaign=await self._plan(by, work),
            missed=given.missed,
            overlap=given.overlap,
            jitter_seconds=given.jitter_seconds,
            enabled=given.enabled,
            ends_at=at(timing.ends_at),
            status=schedule.status,
            reason=schedule.why if schedule.status is ScheduleStatus.SUSPENDED else None,
            next_runs=[rfc3339(each) for each in coming],
            owner=schedule.owner_name,
            created_at=rfc3339(schedule.created_at),
            created_by=schedule.created_by,
            updated_at=rfc3339(schedule.updated_at),
        )

    async def _plan(self, by: Principal, work: Work) -> ShownPlan | None:
        if isinstance(work, ScheduledCommand):
            return None
        load = work.load if isinstance(work.load, RollOut) else None
        return ShownPlan(
            name=work.name,
            command=await shown_command(by, work.kind, work.load, self._secrets),
            release_id=work.subject if work.kind == "release" else None,
            application=None if load is None else ApplicationLoad(load.name, load.revision),
            terms=shown_terms(work.terms),
        )


_CAMEL = {"delivery": "delivery", "timeout_ms": "timeoutMs", "expires_at": "expiresAt"}


def _place(schedule_id: str) -> str:
    return f"/api/v1/schedules/{schedule_id}"


def _awaiting(approval: Approval) -> Answer:
    return Answer(
        awaiting(approval), status=202, location=f"/api/v1/approvals/{approval.approval_id}"
    )


def _run(run: ScheduleRun) -> ScheduleRunItem:
    begun = run.started_at is not None
    return ScheduleRunItem(
        id=run.run_id,
        due=rfc3339(run.due),
        started_at=at(run.started_at),
        finished_at=at(run.finished_at),
        status=run.status,
        counts=run.counts,
        stands_for=run.stands_for,
        campaign_id=run.run_id if begun and run.is_campaign else None,
        batch_id=run.run_id if begun and not run.is_campaign else None,
        approval_id=run.approval_id or UNSET,
        error=run.error,
    )
