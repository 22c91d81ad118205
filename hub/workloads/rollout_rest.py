"""`/applications/{name}/rollouts`: campaigns that bring a revision."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.base.awaiting import Awaiting
from hub.base.errors import invalid
from hub.base.paging import Items
from hub.campaigns.service import (
    Campaign,
    CampaignCounts,
    CampaignDevice,
    CampaignService,
    CampaignStatus,
    StopAt,
    Target,
    Terms,
    Wave,
    Wish,
    counts_of,
)
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from hub.workloads.applications import ApplicationService
from hub.workloads.rest import Revision
from hub.workloads.rollouts import RollOutService
from protocol.codec import at, rfc3339
from protocol.ids import DeviceIdField

Seconds = Annotated[int, Meta(ge=0, le=86_400)]


class RollOutTargetBody(Body, frozen=True):
    """At most one of these; without, all devices that have the application."""

    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=10_000)] | None = None
    group_id: Text | None = None
    query: str | None = None


class RollOutBody(Body, frozen=True):
    """`refresh`: the present content, with the present versions of its data."""

    revision: Revision | None = None
    refresh: bool = False
    target: RollOutTargetBody = RollOutTargetBody()
    waves: Annotated[list[Wave], Meta(min_length=1, max_length=100)] | None = None
    rate_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    soak_seconds: Seconds = 60
    phase_timeout_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    stop_at: StopAt | None = None
    approval: bool = False
    """Ask a second person first, whatever is set."""


class RollOutTerms(Struct, frozen=True, rename="camel", kw_only=True):
    """The requested terms, with defaults filled in."""

    waves: tuple[Wave, ...]
    rate_per_minute: int | None
    soak_seconds: int
    phase_timeout_seconds: int
    stop_at: StopAt | None


class RollOutItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`wave` counts from 0."""

    id: str
    application: str
    revision: str
    status: CampaignStatus
    counts: CampaignCounts
    wave: int
    waves: int
    terms: RollOutTerms
    stopped_because: str | None
    created_at: str
    created_by: str
    finished_at: str | None
    approval: Awaiting | UnsetType = UNSET
    """For what it waits, while it is AWAITING."""


class RollOutEndpoints:
    def __init__(
        self,
        service: RollOutService,
        applications: ApplicationService,
        campaigns: CampaignService,
    ) -> None:
        self._service = service
        self._applications = applications
        self._campaigns = campaigns

    async def create(self, call: Call[None, RollOutBody]) -> Answer:
        body, name = call.body, call.path("name")
        campaign = await self._service.create(
            call.principal,
            name,
            body.revision,
            _target(body.target),
            _terms(body),
            refresh=body.refresh,
            approval=body.approval,
        )
        location = f"/api/v1/applications/{name}/rollouts/{campaign.campaign_id}"
        if campaign.approval is not None:
            return Answer(campaign.approval, status=202, location=location)
        return Answer(_item(campaign), status=201, location=location)

    async def list(self, call: Call[ListQuery, None]) -> Items[RollOutItem]:
        application = await self._applications.get(call.principal, call.path("name"))
        page = await self._campaigns.list(
            call.principal.org,
            cursor=call.query.cursor,
            limit=call.query.limit,
            kind="application",
            subject=application.name,
        )
        return Items([_item(row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> RollOutItem:
        return _item(await self._service.get(call.principal, *_place(call)))

    async def devices(self, call: Call[ListQuery, None]) -> Items[CampaignDevice]:
        campaign = await self._service.get(call.principal, *_place(call))
        return await self._campaigns.devices(
            campaign.org, campaign.campaign_id, cursor=call.query.cursor, limit=call.query.limit
        )

    async def pause(self, call: Call[None, None]) -> RollOutItem:
        return await self._ask(call, Wish.PAUSE)

    async def resume(self, call: Call[None, None]) -> RollOutItem:
        return await self._ask(call, Wish.RESUME)

    async def abort(self, call: Call[None, None]) -> RollOutItem:
        return await self._ask(call, Wish.ABORT)

    async def _ask(self, call: Call[None, None], wish: Wish) -> RollOutItem:
        return _item(await self._service.ask(call.principal, *_place(call), wish))


def _place(call: Call[Any, Any]) -> tuple[str, str]:
    return call.path("name"), call.path("id")


def _target(body: RollOutTargetBody) -> Target | None:
    given = sum(each is not None for each in structs.astuple(body))
    if given > 1:
        raise invalid("target", "one of deviceIds, groupId and query at most")
    if not given:
        return None
    return Target(
        query=body.query,
        group_id=body.group_id,
        device_ids=None if body.device_ids is None else tuple(body.device_ids),
    )


def _terms(body: RollOutBody) -> Terms:
    return Terms(
        waves=tuple(body.waves) if body.waves else (Wave(percent=100),),
        rate_per_minute=body.rate_per_minute,
        soak_seconds=body.soak_seconds,
        phase_timeout_seconds=body.phase_timeout_seconds,
        stop_at=body.stop_at,
    )


def _item(campaign: Campaign) -> RollOutItem:
    terms = campaign.terms
    return RollOutItem(
        id=campaign.campaign_id,
        application=campaign.subject,
        revision=terms.version or "",
        status=campaign.status,
        counts=counts_of(campaign),
        wave=campaign.wave,
        waves=len(terms.waves),
        terms=RollOutTerms(
            waves=terms.waves,
            rate_per_minute=terms.rate_per_minute,
            soak_seconds=terms.soak_seconds,
            phase_timeout_seconds=terms.phase_timeout_seconds,
            stop_at=terms.stop_at,
        ),
        stopped_because=campaign.stopped_because,
        created_at=rfc3339(campaign.created_at),
        created_by=campaign.created_by,
        finished_at=at(campaign.finished_at),
        approval=campaign.approval or UNSET,
    )
