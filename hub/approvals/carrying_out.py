"""Decisions and their effect.

Who decides commits that; then the capability of the call carries it out, with the ids that it was
given, so that a second time does nothing. That it was carried out is noted last: a job does again
what a replica did not come to.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from hub.approvals.deciding import (
    DECIDES,
    LOST,
    ApprovalStatus,
    Verdict,
    decided,
    error_of,
    holds_all,
)
from hub.approvals.entries import detail_of
from hub.approvals.records import Actor, Approval, Kind
from hub.approvals.store import ApprovalStore
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Ended, Forbidden, HubError, NotFound
from hub.base.holding import Holding
from hub.base.principal import Principal
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId
from protocol.replies import ErrorObject

log = structlog.get_logger(__name__)

NO_APPROVAL: Final = "no such approval"


class Executor(Protocol):
    """What becomes of a call of its kind."""

    async def __call__(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """Carries it out; with `error` ends what was promised, with just that. Done twice, it does
        nothing more. Answers of which targets nothing became, and why. Raises `Forbidden` when the
        asker may not do it at all."""
        ...


class Decisions:
    def __init__(self, store: ApprovalStore, memory: RightsMemory, audit: AuditService) -> None:
        self._store = store
        self._memory = memory
        self._audit = audit
        self._executors: dict[Kind, Executor] = {}

    def carry_out(self, kind: Kind, executor: Executor) -> None:
        """Say who carries out calls of a kind, before the first one."""
        self._executors[kind] = executor

    async def get(self, org: OrgId, approval_id: str) -> Approval:
        """Raises `NotFound`."""
        found = await self._store.get(org, approval_id)
        if found is None:
            raise NotFound(NO_APPROVAL)
        return found

    async def decide(
        self, by: Principal, approval_id: str, verdict: Verdict, comment: str | None
    ) -> Approval:
        """Approve or reject what another account asked for. Raises `NotFound`, `Forbidden`,
        `Ended` for what was decided before, or too late."""
        approval = await self.get(by.org, approval_id)
        await self._require_second(by, approval, verdict)
        return await self._decide(by, approval, verdict, comment)

    async def withdraw(self, by: Principal, approval_id: str) -> Approval:
        """Take back what the own account asked for. Raises `NotFound`, `Forbidden`, `Ended`."""
        approval = await self.get(by.org, approval_id)
        if approval.asked_by.subject != by.subject:
            raise Forbidden("another account asked for it: it can be rejected")
        return await self.cancel(by, approval)

    async def cancel(self, by: Principal, approval: Approval) -> Approval:
        """For who has the right to that. Raises `Ended`."""
        return await self._decide(by, approval, Verdict.CANCEL, None)

    async def _require_second(self, by: Principal, approval: Approval, verdict: Verdict) -> None:
        why = None
        if approval.asked_by.subject == by.subject:
            why = "another account than the one that asked decides"
        elif not await self._store.is_person(by.org, by.subject):
            why = "a service account decides nothing"
        elif not await self.has(by.org, by.rights, approval):
            why = "you may not do yourself what you would decide"
        if why is not None:
            entry = audit_entry(
                by, f"approval.{verdict}", approval.approval_id, outcome="refused", reason=why
            )
            await self._audit.note(entry)
            raise Forbidden(why)

    async def _decide(
        self, by: Principal, approval: Approval, verdict: Verdict, comment: str | None
    ) -> Approval:
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.lock_one(connection, by.org, approval.approval_id)
            if found is None:
                raise NotFound(NO_APPROVAL)
            approval, is_late = found
            status = decided(approval.status, verdict)
            if is_late is not (verdict is Verdict.EXPIRE):
                raise Ended("it has expired" if is_late else "it has not expired")
            approval = await self._store.decide(
                connection, approval, status, by=by, comment=comment, error=error_of(status)
            )
            entry = audit_entry(
                by,
                f"approval.{verdict}",
                approval.approval_id,
                askedBy=approval.asked_by.name,
                comment=comment,
                call=detail_of(approval),
            )
            await self._audit.record(connection, entry)
        return await self._finish(approval)

    async def _finish(self, approval: Approval) -> Approval:
        """Let a decision have its effect; asker and approver must have the right again."""
        status, error = approval.status, approval.error
        asker = await self._principal(approval.org, approval.asked_by)
        if status is ApprovalStatus.APPROVED and not await self._still_may(approval, asker):
            status, error = ApprovalStatus.CANCELLED, LOST
        execute = self._executors[approval.kind]
        try:
            refused = await execute(approval, asker, error)
        except Forbidden:
            status, error = ApprovalStatus.CANCELLED, LOST
            refused = await execute(approval, asker, error)
        async with self._store.database.tenant(approval.org).transaction() as connection:
            done = await self._store.done(
                connection, approval, status, error=error, refused=refused
            )
            if done is not None and status is not approval.status:
                entry = audit_entry(
                    _the_hub(approval.org),
                    "approval.cancel",
                    approval.approval_id,
                    reason=LOST["message"],
                    call=detail_of(approval),
                )
                await self._audit.record(connection, entry)
        return done or await self.get(approval.org, approval.approval_id)

    async def _still_may(self, approval: Approval, asker: Principal) -> bool:
        approver = approval.decided_by
        if not holds_all(asker.rights, approval.rights, approval.right_name) or approver is None:
            return False
        holding = (await self._principal(approval.org, approver)).rights
        return holding.everywhere(DECIDES) and await self.has(approval.org, holding, approval)

    async def _principal(self, org: OrgId, actor: Actor) -> Principal:
        """Who asked or decided, with what they may do at this moment."""
        return Principal(
            org=org,
            kind=actor.kind,
            subject=actor.subject,
            key_id=actor.key_id,
            actor=actor.name,
            rights=await self._memory.holding(org, actor.kind, actor.subject, actor.key_id),
        )

    async def has(self, org: OrgId, holding: Holding, approval: Approval) -> bool:
        """The rights that the call takes, over each of its devices."""
        name = approval.right_name
        if not holds_all(holding, approval.rights, name):
            return False
        for right in approval.rights:
            if right.startswith("commands/"):
                reaches = holding.reaches(right, name)
                within = await self._memory.within(org, reaches, approval.device_ids)
                if len(within) != len(approval.device_ids):
                    return False
        return True

    # The clock, and what a replica did not come to

    async def look(self) -> None:
        """Expire what has waited long enough, and carry out what was decided and is not done."""
        for due in await self._store.due():
            try:
                approval = await self.get(due.org, due.approval_id)
                if due.status is ApprovalStatus.AWAITING:
                    await self._decide(_the_hub(due.org), approval, Verdict.EXPIRE, None)
                else:
                    await self._finish(approval)
            except (Ended, NotFound):
                continue  # somebody was faster
            except HubError as error:
                log.warning("approval_waits", approval=due.approval_id, error=error.detail)


def _the_hub(org: OrgId) -> Principal:
    return Principal(org=org, kind="hub", subject="", actor="hub")
