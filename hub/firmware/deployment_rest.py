"""`/firmware/deployments`."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.base.awaiting import Awaiting
from hub.base.errors import invalid
from hub.base.paging import Items
from hub.campaigns.service import (
    Campaign,
    CampaignCounts,
    CampaignDevice,
    CampaignService,
    CampaignStanding,
    CampaignStatus,
    StopAt,
    Target,
    Terms,
    Wave,
    Wish,
    counts_of,
    device_of,
)
from hub.firmware.deployments import DeploymentService, Matching, query_of
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.ids import DeviceId, DeviceIdField
from protocol.telemetry import ShownStatus

Seconds = Annotated[int, Meta(ge=0, le=86_400)]


class FilterBody(Body, frozen=True):
    """An absent filter matches all."""

    tag: Text | None = None
    status: ShownStatus | None = None
    version: Text | None = None


class TargetBody(Body, frozen=True):
    """Exactly one of these."""

    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=10_000)] | None = None
    group_id: Text | None = None
    filter: FilterBody | None = None
    query: str | None = None


class DeploymentBody(Body, frozen=True):
    release_id: Text
    target: TargetBody
    waves: Annotated[list[Wave], Meta(min_length=1, max_length=100)] | None = None
    rate_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    soak_seconds: Seconds = 60
    phase_timeout_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    stop_at: StopAt | None = None
    allow_downgrade: bool = False
    force: bool = False
    """Pin the version for devices that update themselves, instead of skipping them."""
    approval: bool = False
    """Ask a second person first, whatever is set."""


class DeploymentTerms(Struct, frozen=True, rename="camel", kw_only=True):
    """The requested terms, with defaults filled in."""

    waves: tuple[Wave, ...]
    rate_per_minute: int | None
    soak_seconds: int
    phase_timeout_seconds: int
    stop_at: StopAt | None
    allow_downgrade: bool
    force: bool


class Deployment(Struct, frozen=True, rename="camel", kw_only=True):
    """`wave` counts from 0."""

    id: str
    release_id: str
    version: str | None
    status: CampaignStatus
    counts: CampaignCounts
    wave: int
    waves: int
    terms: DeploymentTerms
    stopped_because: str | None
    created_at: str
    created_by: str
    finished_at: str | None
    approval: Awaiting | UnsetType = UNSET
    """For what it waits, while it is AWAITING."""


class DeviceDeployment(CampaignDevice, frozen=True, rename="camel", kw_only=True):
    """One device of a deployment. `version` is its target version."""

    deployment_id: str
    version: str | None
    deployment_status: CampaignStatus
    created_at: str


class HeldBack(Struct, frozen=True, rename="camel", kw_only=True):
    """A device that gets no firmware until then, because recent updates failed."""

    device_id: DeviceId
    until: str


class DeploymentEndpoints:
    def __init__(self, service: DeploymentService, campaigns: CampaignService) -> None:
        self._service = service
        self._campaigns = campaigns

    async def create(self, call: Call[None, DeploymentBody]) -> Answer:
        body = call.body
        campaign = await self._service.create(
            call.principal,
            body.release_id,
            _target(body.target),
            _terms(body),
            force=body.force,
            approval=body.approval,
        )
        location = f"/api/v1/firmware/deployments/{campaign.campaign_id}"
        if campaign.approval is not None:
            return Answer(campaign.approval, status=202, location=location)
        return Answer(_deployment(campaign), status=201, location=location)

    async def list(self, call: Call[ListQuery, None]) -> Items[Deployment]:
        page = await self._campaigns.list(
            call.principal.org,
            cursor=call.query.cursor,
            limit=call.query.limit,
            kind="release",
        )
        return Items([_deployment(row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> Deployment:
        return _deployment(await self._service.get(call.principal.org, call.path("id")))

    async def devices(self, call: Call[ListQuery, None]) -> Items[CampaignDevice]:
        found = await self._service.get(call.principal.org, call.path("id"))
        return await self._campaigns.devices(
            found.org, found.campaign_id, cursor=call.query.cursor, limit=call.query.limit
        )

    async def of_device(self, call: Call[None, None]) -> "list[DeviceDeployment]":
        parts = await self._campaigns.of_device(call.principal.org, DeviceId(call.path("id")))
        return [
            DeviceDeployment(
                **structs.asdict(device_of(part.target, CampaignStanding(part.status, part.wave))),
                deployment_id=part.campaign_id,
                version=part.wanted,
                deployment_status=part.status,
                created_at=rfc3339(part.created_at),
            )
            for part in parts
        ]

    async def penalties(self, call: Call[ListQuery, None]) -> Items[HeldBack]:
        page = await self._campaigns.penalties(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items(
            [HeldBack(device_id=row.device_id, until=rfc3339(row.until)) for row in page.items],
            page.next,
        )

    async def clear_penalty(self, call: Call[None, None]) -> None:
        await self._campaigns.clear_penalty(call.principal, DeviceId(call.path("id")))

    async def pause(self, call: Call[None, None]) -> Deployment:
        return await self._ask(call, Wish.PAUSE)

    async def resume(self, call: Call[None, None]) -> Deployment:
        return await self._ask(call, Wish.RESUME)

    async def abort(self, call: Call[None, None]) -> Deployment:
        return await self._ask(call, Wish.ABORT)

    async def _ask(self, call: Call[None, None], wish: Wish) -> Deployment:
        return _deployment(await self._service.ask(call.principal, call.path("id"), wish))


def _target(body: TargetBody) -> Target:
    given = [part for part in structs.astuple(body) if part is not None]
    if len(given) != 1:
        raise invalid("target", "exactly one of deviceIds, groupId, filter and query")
    query = body.query
    if body.filter is not None:
        query = query_of(Matching(**structs.asdict(body.filter)))
    return Target(
        query=query,
        group_id=body.group_id,
        device_ids=None if body.device_ids is None else tuple(body.device_ids),
    )


def _terms(body: DeploymentBody) -> Terms:
    return Terms(
        waves=tuple(body.waves) if body.waves else (Wave(percent=100),),
        rate_per_minute=body.rate_per_minute,
        soak_seconds=body.soak_seconds,
        phase_timeout_seconds=body.phase_timeout_seconds,
        stop_at=body.stop_at,
        allow_downgrade=body.allow_downgrade,
    )


def _deployment(campaign: Campaign) -> Deployment:
    return Deployment(
        id=campaign.campaign_id,
        release_id=campaign.subject,
        version=campaign.terms.version,
        status=campaign.status,
        counts=counts_of(campaign),
        wave=campaign.wave,
        waves=len(campaign.terms.waves),
        terms=DeploymentTerms(
            waves=campaign.terms.waves,
            rate_per_minute=campaign.terms.rate_per_minute,
            soak_seconds=campaign.terms.soak_seconds,
            phase_timeout_seconds=campaign.terms.phase_timeout_seconds,
            stop_at=campaign.terms.stop_at,
            allow_downgrade=campaign.terms.allow_downgrade,
            force=campaign.is_forced,
        ),
        stopped_because=campaign.stopped_because,
        created_at=rfc3339(campaign.created_at),
        created_by=campaign.created_by,
        finished_at=at(campaign.finished_at),
        approval=campaign.approval or UNSET,
    )
