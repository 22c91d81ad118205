"""`/settings`: what counts for the whole organisation."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.accounts.org_settings import OrgSettings
from hub.accounts.organisation import OrganisationService
from hub.base.awaiting import Awaiting
from hub.base.principal import Reenroll
from hub.base.retention import AuditDays, Days, Hours
from hub.rights.asked import AdminFactor
from hub.rights.guarded import GuardedPatch
from hub.web.envelope import Answer
from hub.web.inputs import Body, Text
from hub.web.route import Call

Cap = Annotated[int, Meta(ge=0, le=1_000_000)]


class RetentionPatch(Body, frozen=True):
    raw_hours: Hours | None = None
    log_days: Days | None = None
    metric_days: Days | None = None
    command_days: Days | None = None
    audit_days: AuditDays | None = None
    edge_days: Days | None = None
    cloud_days: Days | None = None


class ApprovalsPatch(Body, frozen=True):
    resources: Annotated[list[Text], Meta(max_length=200)] | UnsetType = UNSET
    """`commands/<type>`, or `commands/*`; none switches it off."""
    over: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET


class BlastRadiusPatch(Body, frozen=True):
    per_call: Cap | UnsetType | None = UNSET
    per_hour: Cap | UnsetType | None = UNSET


class SettingsPatch(Body, frozen=True):
    auto_enroll: bool | None = None
    reenroll: Reenroll | None = None
    config_rate_per_minute: Annotated[int, Meta(ge=1, le=60_000)] | None = None
    auto_resolve_seconds: Annotated[int, Meta(ge=60, le=31_536_000)] | None = None
    admin_factor: AdminFactor | None = None
    provider_required: bool | None = None
    approvals: ApprovalsPatch = ApprovalsPatch()
    blast_radius: BlastRadiusPatch = BlastRadiusPatch()
    retention: RetentionPatch = RetentionPatch()


class EnrollmentKey(Struct, frozen=True, rename="camel"):
    enrollment_key: str


class SettingsEndpoints:
    def __init__(self, service: OrganisationService) -> None:
        self._service = service

    async def get(self, call: Call[None, None]) -> OrgSettings:
        return await self._service.settings(call.principal.org)

    async def change(self, call: Call[None, SettingsPatch]) -> OrgSettings | Answer:
        wanted: dict[str, Any] = structs.asdict(call.body.retention)
        keep = {name: value for name, value in wanted.items() if value is not None}
        changed = await self._service.change(
            call.principal,
            auto_enroll=call.body.auto_enroll,
            reenroll=call.body.reenroll,
            config_rate=call.body.config_rate_per_minute,
            auto_resolve=call.body.auto_resolve_seconds,
            admin_factor=call.body.admin_factor,
            provider_required=call.body.provider_required,
            guarded=_guarded(call.body),
            keep=keep,
        )
        return Answer(changed, status=202) if isinstance(changed, Awaiting) else changed

    async def new_enrollment_key(self, call: Call[None, None]) -> EnrollmentKey:
        return EnrollmentKey(await self._service.new_enrollment_key(call.principal))


def _guarded(body: SettingsPatch) -> GuardedPatch:
    rules, caps = body.approvals, body.blast_radius
    return GuardedPatch(
        resources=UNSET if rules.resources is UNSET else tuple(rules.resources),
        over=rules.over,
        per_call=caps.per_call,
        per_hour=caps.per_hour,
    )
