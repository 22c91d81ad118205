"""`/settings`: what counts for the whole organisation."""

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from hub.accounts.org_settings import OrgSettings
from hub.accounts.organisation import OrganisationService
from hub.base.principal import Reenroll
from hub.base.retention import AuditDays, Days, Hours
from hub.rights.asked import AdminFactor
from hub.web.inputs import Body
from hub.web.route import Call


class RetentionPatch(Body, frozen=True):
    raw_hours: Hours | None = None
    log_days: Days | None = None
    metric_days: Days | None = None
    command_days: Days | None = None
    audit_days: AuditDays | None = None
    edge_days: Days | None = None
    cloud_days: Days | None = None


class SettingsPatch(Body, frozen=True):
    auto_enroll: bool | None = None
    reenroll: Reenroll | None = None
    config_rate_per_minute: Annotated[int, Meta(ge=1, le=60_000)] | None = None
    admin_factor: AdminFactor | None = None
    provider_required: bool | None = None
    retention: RetentionPatch = RetentionPatch()


class EnrollmentKey(Struct, frozen=True, rename="camel"):
    enrollment_key: str


class SettingsEndpoints:
    def __init__(self, service: OrganisationService) -> None:
        self._service = service

    async def get(self, call: Call[None, None]) -> OrgSettings:
        return await self._service.settings(call.principal.org)

    async def change(self, call: Call[None, SettingsPatch]) -> OrgSettings:
        wanted: dict[str, Any] = structs.asdict(call.body.retention)
        keep = {name: value for name, value in wanted.items() if value is not None}
        return await self._service.change(
            call.principal,
            auto_enroll=call.body.auto_enroll,
            reenroll=call.body.reenroll,
            config_rate=call.body.config_rate_per_minute,
            admin_factor=call.body.admin_factor,
            provider_required=call.body.provider_required,
            keep=keep,
        )

    async def new_enrollment_key(self, call: Call[None, None]) -> EnrollmentKey:
        return EnrollmentKey(await self._service.new_enrollment_key(call.principal))
