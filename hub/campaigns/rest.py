"""`/campaigns`: one engine for every command, for releases and for applications."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.audit.entries import HIDDEN, Hide
from hub.base.awaiting import Awaiting
from hub.base.errors import invalid
from hub.base.paging import Items
from hub.base.principal import Principal
from hub.campaigns.journey import Status
from hub.campaigns.loads import Loaded, Loads
from hub.campaigns.records import Campaign, Kind, Load, NewCampaign, RollOut, Target, Terms
from hub.campaigns.service import CampaignService, Preview
from hub.campaigns.showing import CampaignCounts, CampaignDevice, counts_of
from hub.campaigns.waves import CampaignStatus, Growth, StopAt, Wave, WaveApproval, Wish
from hub.campaigns.windows import Window
from hub.rights.access import is_secret, may_dispatch
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.commands import Command, params_of, type_of
from protocol.ids import DeviceId, DeviceIdField, OrgId

SOAK_SECONDS: Final = 60
"""Of a release or an application, where nothing is said."""
TimeoutMs = Annotated[int, Meta(ge=100, le=86_400_000)]


class CampaignTargetBody(Body, frozen=True):
    """Exactly one of these."""

    query: str | None = None
    group_id: Text | None = None
    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=10_000)] | None = None


class ApplicationLoad(Body, frozen=True):
    name: Text
    revision: Text


class CampaignPlanBody(Body, frozen=True):
    """What it brings, and how: exactly one of `command`, `releaseId` and `application`."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    command: Command | None = None
    release_id: Text | None = None
    application: ApplicationLoad | None = None
    timeout_ms: TimeoutMs | None = None
    waves: Annotated[list[Wave], Meta(min_length=1, max_length=100)] | None = None
    rate_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    growth: Growth | None = None
    soak_seconds: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    phase_timeout_seconds: Annotated[int, Meta(ge=5, le=604_800)] = 3600
    stop_at: StopAt | None = None
    approval: WaveApproval | None = None
    retries: Annotated[int, Meta(ge=0, le=5)] | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=20)] = ()
    """Nothing is sent outside of them."""
    allow_downgrade: bool = False


class CampaignBody(CampaignPlanBody, frozen=True, kw_only=True):
    target: CampaignTargetBody
    start_at: Moment | None = None
    ends_at: Moment | None = None
    follow: bool = False
    """Whoever comes to match until `endsAt` joins the last wave."""
    dry_run: bool = False


class WaveBody(Body, frozen=True):
    """`wave`: the one that is finished, from 1."""

    wave: Annotated[int, Meta(ge=1, le=100)]
    comment: Annotated[str, Meta(max_length=1000)] | None = None


class CampaignOwnerBody(Body, frozen=True):
    user_id: Text


class RetryBody(Body, frozen=True):
    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=10_000)] | None = None


class CampaignDevicesQuery(ListQuery, frozen=True, kw_only=True):
    status: list[Status] | None = None
    """Any of these."""


class ShownTarget(Struct, frozen=True, rename="camel", kw_only=True):
    """One of these; of the devices that were named, those that the caller sees."""

    query: str | UnsetType = UNSET
    group_id: str | UnsetType = UNSET
    device_ids: tuple[DeviceId, ...] | UnsetType = UNSET


class CampaignTerms(Struct, frozen=True, rename="camel", kw_only=True):
    """The requested terms, with defaults filled in."""

    waves: tuple[Wave, ...]
    rate_per_minute: int | None
    growth: Growth | None
    soak_seconds: int
    phase_timeout_seconds: int
    stop_at: StopAt | None
    approval: WaveApproval | None
    retries: int | None
    timeout_ms: int | None
    windows: tuple[Window, ...]
    follow: bool
    allow_downgrade: bool


class CampaignItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`wave` counts from 0. One of `command`, `releaseId` and `application` says what it brings."""

    id: str
    name: str | None
    kind: Kind
    command: dict[str, Any] | None
    release_id: str | None
    application: ApplicationLoad | None
    version: str | None
    target: ShownTarget | None
    """None: whoever has the application."""
    status: CampaignStatus
    counts: CampaignCounts
    wave: int
    waves: int
    terms: CampaignTerms
    attempt: int
    owner: str
    """Whose rights count whenever it sends."""
    stopped_because: str | None
    created_at: str
    created_by: str
    start_at: str | None
    ends_at: str | None
    finished_at: str | None
    approval: Awaiting | UnsetType = UNSET
    """For what it waits, while it is AWAITING and has not begun."""


class CampaignPreview(Struct, frozen=True, rename="camel", kw_only=True):
    """For how many devices it would be, 50 of them, and how many it would leave out."""

    count: int
    sample: list[DeviceId]
    refused: int


class CampaignEndpoints:
    """`secrets` gives what hides in configurations of an organisation that nobody reads back."""

    def __init__(
        self,
        service: CampaignService,
        loads: Loads,
        secrets: "Secrets",
    ) -> None:
        self._service = service
        self._loads = loads
        self._secrets = secrets

    async def create(self, call: Call[None, CampaignBody]) -> Answer:
        body, by = call.body, call.principal
        loaded = await loaded_of(self._loads, by, body)
        target = target_of(body.target)
        new = NewCampaign(
            kind=loaded.kind,
            subject=loaded.subject,
            name=body.name,
            command=loaded.load,
            terms=structs.replace(
                terms_of(body, loaded),
                start_at=body.start_at,
                ends_at=body.ends_at,
                follow=body.follow,
            ),
            devices=await self._service.find(by.org, target),
            target=target,
        )
        if body.dry_run:
            return Answer(_preview(await self._service.preview(by, new)))
        campaign = await self._service.create(by, new, action="campaign.create")
        location = f"/api/v1/campaigns/{campaign.campaign_id}"
        if campaign.approval is not None:
            return Answer(campaign.approval, status=202, location=location)
        return Answer(await self._item(by, campaign), status=201, location=location)

    async def list(self, call: Call[ListQuery, None]) -> Items[CampaignItem]:
        page = await self._service.list(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([await self._item(call.principal, row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> CampaignItem:
        by = call.principal
        return await self._item(by, await self._service.get(by.org, call.path("id")))

    async def devices(self, call: Call[CampaignDevicesQuery, None]) -> Items[CampaignDevice]:
        return await self._service.devices(
            call.principal.org,
            call.path("id"),
            cursor=call.query.cursor,
            limit=call.query.limit,
            statuses=call.query.status,
        )

    async def pause(self, call: Call[None, None]) -> CampaignItem:
        return await self._ask(call, Wish.PAUSE)

    async def resume(self, call: Call[None, None]) -> CampaignItem:
        return await self._ask(call, Wish.RESUME)

    async def abort(self, call: Call[None, None]) -> CampaignItem:
        return await self._ask(call, Wish.ABORT)

    async def _ask(self, call: Call[None, None], wish: Wish) -> CampaignItem:
        by, action = call.principal, f"campaign.{wish}"
        return await self._item(
            by, await self._service.ask(by, call.path("id"), wish, action=action)
        )

    async def approve(self, call: Call[None, WaveBody]) -> CampaignItem:
        by, body = call.principal, call.body
        found = await self._service.approve(by, call.path("id"), body.wave, body.comment)
        return await self._item(by, found)

    async def give(self, call: Call[None, CampaignOwnerBody]) -> CampaignItem:
        by = call.principal
        found = await self._service.give_to(by, call.path("id"), call.body.user_id)
        return await self._item(by, found)

    async def retry(self, call: Call[None, RetryBody]) -> CampaignItem:
        by = call.principal
        found = await self._service.retry(by, call.path("id"), call.body.device_ids)
        return await self._item(by, found)

    async def _item(self, by: Principal, campaign: Campaign) -> CampaignItem:
        command = await shown_command(by, campaign.kind, campaign.command, self._secrets)
        target = await self._service.seen_by(by, campaign.target)
        return _item(structs.replace(campaign, target=target), command)


Secrets = Callable[[OrgId], Awaitable[Hide]]
"""What hides in configurations of an organisation that nobody reads back."""


async def shown_command(
    by: Principal, brings: Kind, load: Load, secrets: Secrets
) -> dict[str, Any] | None:
    """As the caller may see it: some parameters are only for who may dispatch such a one. None for
    a release or an application."""
    if brings != "command" or isinstance(load, RollOut):
        return None
    kind, params = type_of(load), params_of(load)
    if is_secret(kind) and not may_dispatch(by.rights, kind):
        return {"type": kind, "params": HIDDEN}
    if "patch" in params:
        hide = await secrets(by.org)
        params["patch"] = hide(params["patch"])
    return {"type": kind, **params}


async def loaded_of(loads: Loads, by: Principal, body: CampaignPlanBody) -> Loaded:
    """What it brings. Raises `Invalid`, `NotFound`, `Forbidden`."""
    given = (body.command, body.release_id, body.application)
    if sum(each is not None for each in given) != 1:
        raise invalid("command", "exactly one of command, releaseId and application")
    if body.command is not None:
        if body.command.id:
            raise invalid("command.id", "a campaign makes an id for each device")
        return Loaded("command", type_of(body.command), body.command)
    if body.timeout_ms is not None:
        raise invalid("timeoutMs", "goes with a command")
    if body.release_id is not None:
        return await loads.release(by, body.release_id, body.allow_downgrade)
    if body.application is None:
        raise AssertionError("one of the three is given")
    return await loads.application(by, body.application.name, body.application.revision)


def target_of(body: CampaignTargetBody) -> Target:
    return Target(
        query=body.query,
        group_id=body.group_id,
        device_ids=None if body.device_ids is None else tuple(body.device_ids),
    )


def terms_of(body: CampaignPlanBody, loaded: Loaded) -> Terms:
    is_command = loaded.kind == "command"
    soak = body.soak_seconds
    if soak is None:
        soak = 0 if is_command else SOAK_SECONDS
    retries = body.retries
    if retries is None and is_command:
        retries = 0
    return Terms(
        waves=tuple(body.waves) if body.waves else (Wave(percent=100),),
        rate_per_minute=body.rate_per_minute,
        growth=body.growth,
        soak_seconds=soak,
        phase_timeout_seconds=body.phase_timeout_seconds,
        stop_at=body.stop_at,
        version=loaded.version,
        allow_downgrade=loaded.kind == "application" or body.allow_downgrade,
        approval=body.approval,
        retries=retries,
        timeout_ms=body.timeout_ms,
        windows=body.windows,
    )


def shown_terms(terms: Terms) -> CampaignTerms:
    return CampaignTerms(**{name: getattr(terms, name) for name in CampaignTerms.__struct_fields__})


def shown_target(target: Target) -> ShownTarget:
    return ShownTarget(
        query=UNSET if target.query is None else target.query,
        group_id=UNSET if target.group_id is None else target.group_id,
        device_ids=UNSET if target.device_ids is None else target.device_ids,
    )


def _preview(found: Preview) -> CampaignPreview:
    return CampaignPreview(count=found.count, sample=found.sample, refused=found.refused)


def _item(campaign: Campaign, command: dict[str, Any] | None) -> CampaignItem:
    terms, load = campaign.terms, campaign.application
    return CampaignItem(
        id=campaign.campaign_id,
        name=campaign.name,
        kind=campaign.kind,
        command=command,
        release_id=campaign.subject if campaign.kind == "release" else None,
        application=None if load is None else ApplicationLoad(load.name, load.revision),
        version=terms.version,
        target=None if campaign.target is None else shown_target(campaign.target),
        status=campaign.status,
        counts=counts_of(campaign),
        wave=campaign.wave,
        waves=len(terms.waves),
        terms=shown_terms(terms),
        attempt=campaign.attempt,
        owner=campaign.owner_name,
        stopped_because=campaign.stopped_because,
        created_at=rfc3339(campaign.created_at),
        created_by=campaign.created_by,
        start_at=at(terms.start_at),
        ends_at=at(terms.ends_at),
        finished_at=at(campaign.finished_at),
        approval=campaign.approval or UNSET,
    )
