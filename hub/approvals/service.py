"""Calls that wait for a second person, as the rest of the hub sees them.

The work is done by the parts: whether a call waits (`admitting`), what becomes of one that does
(`carrying_out`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hub.approvals.admitting import Admitted, Admitting
from hub.approvals.carrying_out import Decisions
from hub.approvals.deciding import ApprovalStatus, is_counted, need_of
from hub.approvals.records import Approval, Kind, NewApproval, ShownCall, awaiting
from hub.approvals.store import ApprovalStore
from hub.audit.entries import HIDDEN, Hide
from hub.audit.service import AuditService
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.rights.access import is_secret
from hub.rights.guarded import Guarded
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId

__all__ = [
    "Admitted",
    "Approval",
    "ApprovalService",
    "ApprovalStatus",
    "NewApproval",
    "ShownCall",
    "awaiting",
    "is_counted",
    "need_of",
]


class ApprovalService:
    """`secrets` gives what hides in configurations of an organisation that nobody reads back."""

    def __init__(
        self,
        store: ApprovalStore,
        memory: RightsMemory,
        audit: AuditService,
        secrets: Callable[[OrgId], Awaitable[Hide]],
    ) -> None:
        self._store = store
        self._memory = memory
        self._secrets = secrets
        admitting, decisions = Admitting(store, memory, audit), Decisions(store, memory, audit)
        self.admit = admitting.admit
        self.allows = admitting.allows
        self.ask = admitting.ask
        self.another_could = admitting.another_could
        self.recount = admitting.recount
        self._has = decisions.has
        self.carry_out = decisions.carry_out
        self.get = decisions.get
        self.decide = decisions.decide
        self.withdraw = decisions.withdraw
        self.cancel = decisions.cancel
        self.look = decisions.look

    async def guarded(self, org: OrgId) -> Guarded:
        """From memory. Raises `Unavailable`."""
        return await self._memory.guarded(org)

    async def known(self, org: OrgId, device_ids: Sequence[str]) -> list[str]:
        return await self._store.known(org, device_ids)

    async def list(
        self,
        org: OrgId,
        statuses: Sequence[ApprovalStatus] | None,
        *,
        cursor: str | None,
        limit: int,
    ) -> Items[Approval]:
        rows = await self._store.list(org, statuses, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.asked_at, row.approval_id), item=lambda row: row
        )

    async def waiting_for(
        self,
        org: OrgId,
        subject: str,
        device_id: str | None = None,
        *,
        kind: Kind = "campaign",
    ) -> Approval | None:
        """What waits under the id of one of this kind, or with `device_id` of a command."""
        return await self._store.of_subject(org, subject, device_id, kind)

    async def reaches_all(self, by: Principal, approval: Approval) -> bool:
        """Whether the caller could have made this call."""
        return await self._has(by.org, by.rights, approval)

    async def command_for(self, by: Principal, approval: Approval) -> dict[str, Any] | None:
        """What will be sent, as the caller may see it: some parameters are only for who may send
        such a command to such devices."""
        command = approval.shown.command
        if command is None:
            return None
        if is_secret(command["type"]) and not await self.reaches_all(by, approval):
            return {"type": command["type"], "params": HIDDEN}
        if "patch" not in command:
            return command
        hide = await self._secrets(by.org)
        return {**command, "patch": hide(command["patch"])}

    async def forget(self, days: int) -> None:
        await self._store.forget(days)
