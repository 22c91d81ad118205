"""Keeps calls until a second person has approved them."""

from collections.abc import Awaitable, Callable
from typing import Final

from hub.accounts.organisation import OrganisationService
from hub.approvals.rest import ApprovalEndpoints
from hub.approvals.service import ApprovalService
from hub.approvals.settings import GuardedSettings
from hub.approvals.store import ApprovalStore
from hub.audit.entries import Hide
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId

LOOK_SECONDS: Final = 1.0


def build(
    base: Foundation,
    audit: AuditService,
    memory: RightsMemory,
    organisation: OrganisationService,
    *,
    secrets: Callable[[OrgId], Awaitable[Hide]],
) -> tuple[ApprovalService, Capability]:
    """`secrets`: what is hidden in the configurations of an organisation."""
    service = ApprovalService(ApprovalStore(base.database), memory, audit, secrets)
    settings = GuardedSettings(service, organisation)
    organisation.guard_by(settings)
    service.carry_out("settings", settings)
    return service, Capability(
        endpoints=(ApprovalEndpoints(service),),
        jobs=(every(LOOK_SECONDS, "approvals", lambda _: service.look()),),
        clean_up=lambda keep: service.forget(keep.command_days),
    )
