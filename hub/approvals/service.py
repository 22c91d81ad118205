"""Calls that wait for a second person: asked for, decided, carried out.

A call is kept as it was made. Who approves it commits that; then the capability of the call carries
it out, with the ids that it was given, so that a second time does nothing. That it was carried out
is noted last: a job does again what a replica did not come to.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from msgspec import Struct

from hub.approvals.deciding import (
    CAPS,
    DECIDES,
    LOST,
    ApprovalStatus,
    Reason,
    Verdict,
    decided,
    error_of,
    holds_all,
    is_counted,
    is_over,
    may_approve,
    need_of,
)
from hub.approvals.records import (
    Actor,
    Approval,
    Kind,
    NewApproval,
    ShownCall,
    awaiting,
)
from hub.approvals.store import ApprovalStore
from hub.audit.entries import HIDDEN, AuditEntry, AuditOutcome, Hide, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    BlastRadiusExceeded,
    Conflict,
    Ended,
    Forbidden,
    HubError,
    NotFound,
    TooMany,
)
from hub.base.holding import Holding, Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.rights.access import is_secret
from hub.rights.guarded import BlastRadius, Guarded
from hub.rights.memory import RightsMemory
from protocol.ids import OrgId, uuid7
from protocol.replies import ErrorObject

__all__ = [
    "Admitted",
    "Approval",
    "ApprovalService",
    "ApprovalStatus",
    "NewApproval",
    "ShownCall",
    "awaiting",
    "need_of",
    "is_counted",
]

log = structlog.get_logger(__name__)

NO_APPROVAL: Final = "no such approval"
_ADVICE: Final = "and nobody else here could approve it"
HOUR: Final = 3600


class Admitted(Struct, frozen=True):
    """It need not wait. `dispatch_id`: under which its `targets` are counted."""

    dispatch_id: int | None = None
    targets: int = 0


class Executor(Protocol):
    """What becomes of a call of its kind."""

    async def __call__(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """Carries it out; with `error` ends what was promised, with just that. Done twice, it does
        nothing more. Answers of which targets nothing became, and why. Raises `Forbidden` when the
        asker may not do it at all."""
        ...


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
        self._audit = audit
        self._secrets = secrets
        self._executors: dict[Kind, Executor] = {}

    def carry_out(self, kind: Kind, executor: Executor) -> None:
        """Say who carries out calls of a kind, before the first one."""
        self._executors[kind] = executor

    # Asking

    async def guarded(self, org: OrgId) -> Guarded:
        """From memory. Raises `Unavailable`."""
        return await self._memory.guarded(org)

    async def known(self, org: OrgId, device_ids: Sequence[str]) -> list[str]:
        return await self._store.known(org, device_ids)

    async def admit(
        self, by: Principal, new: NewApproval, guarded: Guarded, *, dangerous: bool, asked: bool
    ) -> Approval | Admitted:
        """What waits now, or did when the same call was made before; else it may be sent. Raises
        `Conflict` for the id or key of another call, `BlastRadiusExceeded`, `TooMany`."""
        resource = new.rights[0].removesuffix(":create")
        count = len(new.device_ids)
        need = need_of(guarded, resource, dangerous=dangerous, targets=count, asked=asked)
        capped = dangerous and guarded.blast_radius != BlastRadius()
        other = not capped or await self.another_could(by, new.rights, new.right_name)
        refused: HubError | None = None
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org)
            earlier = await self._earlier(connection, by, new)
            if earlier is not None:
                return earlier
            retry_after = HOUR
            if need is None and is_counted(guarded, dangerous=dangerous):
                lately = await self._store.sent_lately(connection, by.org)
                if not is_over(guarded, lately=lately.targets, targets=count):
                    number = await self._store.count_sent(connection, by.org, count)
                    return Admitted(number, count)
                need, retry_after = Reason.PER_HOUR, max(1, round(lately.seconds))
            if need is None:
                return Admitted()
            if other or need not in CAPS:
                return await self._ask(connection, by, new, need)
            refused = BlastRadiusExceeded(
                f"{count} devices are over the cap of the organisation, {_ADVICE}",
                retry_after=retry_after,
            )
        await self._audit.note(_entry(by, None, new, outcome="refused", reason=str(need)))
        raise refused

    async def ask(self, by: Principal, new: NewApproval, reason: Reason) -> Approval:
        """Have a call wait. Raises `Conflict` where nobody else could approve it, `TooMany`."""
        if not await self.another_could(by, new.rights, new.right_name):
            raise Conflict(f"it needs the approval of another account, {_ADVICE}")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org)
            return await self._ask(connection, by, new, reason)

    async def _earlier(
        self, connection: Connection, by: Principal, new: NewApproval
    ) -> Approval | None:
        found = await self._store.earlier(connection, by.org, new)
        if found is not None and found.request_hash != new.request_hash:
            raise Conflict("this id or Idempotency-Key was used for another request")
        return found

    async def _ask(
        self, connection: Connection, by: Principal, new: NewApproval, reason: Reason
    ) -> Approval:
        made = await self._store.ask(connection, uuid7(), new, reason, by)
        if made is None:
            raise TooMany("as many calls wait for an approval as may: decide some first")
        entry = _entry(by, made.approval_id, new, reason=str(reason))
        await self._audit.record(connection, entry)
        return made

    async def recount(self, org: OrgId, dispatch_id: int, targets: int) -> None:
        """Only so many were sent of what was counted."""
        await self._store.recount(org, dispatch_id, targets)

    async def another_could(
        self, by: Principal, rights: Sequence[Right], name: str | None = None
    ) -> bool:
        """Whether there is another account that could approve what takes these rights."""
        for user_id in await self._store.people(by.org, by.subject):
            member = await self._memory.member(by.org, user_id)
            if member is not None and may_approve(member.rights, rights, name):
                return True
        return False

    # Reading

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

    async def get(self, org: OrgId, approval_id: str) -> Approval:
        """Raises `NotFound`."""
        found = await self._store.get(org, approval_id)
        if found is None:
            raise NotFound(NO_APPROVAL)
        return found

    async def waiting_for(
        self, org: OrgId, subject: str, device_id: str | None = None
    ) -> Approval | None:
        """What waits under the id of a campaign, or with `device_id` of a command."""
        return await self._store.of_subject(org, subject, device_id)

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

    # Deciding

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
        elif not await self._has(by.org, by.rights, approval):
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
                call=_detail(approval),
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
                    call=_detail(approval),
                )
                await self._audit.record(connection, entry)
        return done or await self.get(approval.org, approval.approval_id)

    async def _still_may(self, approval: Approval, asker: Principal) -> bool:
        approver = approval.decided_by
        if not holds_all(asker.rights, approval.rights, approval.right_name) or approver is None:
            return False
        holding = (await self._principal(approval.org, approver)).rights
        return holding.everywhere(DECIDES) and await self._has(approval.org, holding, approval)

    async def _has(self, org: OrgId, holding: Holding, approval: Approval) -> bool:
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

    async def forget(self, days: int) -> None:
        await self._store.forget(days)


def _the_hub(org: OrgId) -> Principal:
    return Principal(org=org, kind="hub", subject="", actor="hub")


def _entry(
    by: Principal,
    approval_id: str | None,
    new: NewApproval,
    *,
    outcome: AuditOutcome = "ok",
    reason: str | None = None,
) -> AuditEntry:
    return audit_entry(
        by,
        "approval.ask",
        approval_id,
        outcome=outcome,
        reason=reason,
        call=_detail(new),
        targets=len(new.device_ids),
    )


def _detail(of: NewApproval | Approval) -> dict[str, object]:
    """For the audit, that holds no parameters."""
    command = {} if of.shown.command is None else {"command": of.shown.command["type"]}
    subject = {} if of.subject is None else {"id": of.subject}
    return {"kind": of.kind, **subject, **command}
