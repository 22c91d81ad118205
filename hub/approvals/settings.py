"""What weakens the settings of dispatch is itself approved by a second person."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from hub.accounts.organisation import OrganisationService
from hub.approvals.deciding import Reason
from hub.approvals.records import Approval, NewApproval, ShownCall, awaiting
from hub.approvals.service import ApprovalService
from hub.base.awaiting import Awaiting
from hub.base.principal import Principal
from hub.rights.guarded import GuardedPatch
from protocol.replies import ErrorObject

CHANGES = "settings:update"


class GuardedSettings:
    """Asks for the approval of a change, and carries it out."""

    def __init__(self, approvals: ApprovalService, organisation: OrganisationService) -> None:
        self._approvals = approvals
        self._organisation = organisation

    async def another_could(self, by: Principal, resources: Sequence[str]) -> bool:
        rights = [f"{each}:create" for each in resources]
        return await self._approvals.another_could(by, rights)

    async def hold(self, by: Principal, patch: GuardedPatch) -> Awaiting:
        call = msgspec.to_builtins(patch)
        new = NewApproval(
            kind="settings",
            subject=None,
            device_ids=[],
            shown=ShownCall(settings=shown_patch(call)),
            call=call,
            request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
            rights=[CHANGES],
        )
        return awaiting(await self._approvals.ask(by, new, Reason.WEAKENS))

    async def __call__(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals."""
        if error is None:
            patch = msgspec.convert(approval.call, GuardedPatch)
            await self._organisation.change(asker, guarded=patch, approved=True)
        return {}


def shown_patch(call: Mapping[str, Any]) -> dict[str, Any]:
    """As PATCH `/settings` takes it."""
    parts = {"approvals": ("resources", "over"), "blastRadius": ("perCall", "perHour")}
    found = {
        name: {field: call[field] for field in fields if field in call}
        for name, fields in parts.items()
    }
    return {name: fields for name, fields in found.items() if fields}
