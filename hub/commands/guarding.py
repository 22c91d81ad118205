"""Calls of people and their keys: some of them wait for a second person before they are sent."""

from collections.abc import Sequence
from functools import partial

from hub.approvals.service import (
    Admitted,
    Approval,
    ApprovalService,
    is_counted,
    need_of,
)
from hub.base.errors import Conflict, Forbidden, HubError, NotFound
from hub.base.principal import Principal
from hub.commands.acceptance import Submission, SubmissionOutcome
from hub.commands.calls import BulkOutcome, Calls, TakenNote, ignore
from hub.commands.cancelling import Cancels
from hub.commands.held import held_of, new_approval
from hub.commands.preparing import Preparation, PreparedCall
from hub.commands.records import CommandRow
from hub.commands.requests import CommandRequest
from hub.commands.rights import DispatchRights
from hub.commands.store import CommandStore
from hub.rights.guarded import UNGUARDED, Guarded
from protocol.commands import type_of
from protocol.ids import CommandId, DeviceId, OrgId

_FREE = Admitted()


class GuardedCalls:
    def __init__(
        self,
        store: CommandStore,
        calls: Calls,
        cancels: Cancels,
        preparation: Preparation,
        approvals: ApprovalService,
        rights: DispatchRights,
    ) -> None:
        self._store = store
        self._calls = calls
        self._cancels = cancels
        self._preparation = preparation
        self._approvals = approvals
        self._rights = rights

    async def dispatch(
        self, by: Principal, device_id: DeviceId, request: CommandRequest
    ) -> CommandRow | Approval:
        """The command as it stands when it has ended, when it waits for its device, or after
        300 s; at once when `request.wait` is False. What waits for an approval is not a command
        yet.

        Raises `Forbidden`, `NotFound`, `Conflict`, `TooManyCommands`, `BlastRadiusExceeded`,
        `TooMany`, `Unavailable`, `Overloaded`.
        """
        prepared = await self._preparation.one(by, device_id, request)
        admitted = await self._admitted(by, prepared)
        if isinstance(admitted, Approval):
            return admitted
        try:
            return await self._calls.send(by, prepared, self._recounting(by.org, admitted))
        except Conflict:
            same = await self._same_that_waits(by.org, device_id, prepared)
            if same is None:
                raise
            return same

    async def bulk(
        self, by: Principal, device_ids: Sequence[str], request: CommandRequest
    ) -> BulkOutcome | Approval:
        """One command, a fresh id for each target. A target that is refused or unknown is its own
        entry. Raises `Forbidden` when the caller may not send this command to anybody."""
        prepared = await self._preparation.many(by, device_ids, request)
        admitted = await self._admitted(by, prepared)
        if isinstance(admitted, Approval):
            return admitted
        return await self._calls.send_many(by, prepared, self._recounting(by.org, admitted))

    async def get(
        self, org: OrgId, device_id: DeviceId, command_id: CommandId
    ) -> CommandRow | Approval:
        """Raises `NotFound`."""
        try:
            return await self._calls.get(org, device_id, command_id)
        except NotFound:
            found = await self._approvals.waiting_for(org, command_id, device_id)
            if found is None:
                raise
            return found

    async def cancel(self, by: Principal, device_id: DeviceId, command_id: CommandId) -> CommandRow:
        """What waits for an approval ends as well. Raises `NotFound`, `Forbidden`, `Ended`."""
        try:
            return await self._cancels.cancel(by, device_id, command_id)
        except NotFound:
            found = await self._approvals.waiting_for(by.org, command_id, device_id)
            if found is None:
                raise
        kind = type_of(held_of(found).command)
        if not await self._rights.may_cancel(by, kind, device_id):
            raise Forbidden(f"this role may not cancel {kind}")
        await self._approvals.cancel(by, found)
        return await self._calls.get(by.org, device_id, command_id)

    # Whether it waits

    async def _admitted(self, by: Principal, prepared: PreparedCall) -> Approval | Admitted:
        guarded = await self._approvals.guarded(by.org)
        if guarded is UNGUARDED and not prepared.request.approval:
            return _FREE
        if not _may_wait(guarded, prepared, len(prepared.submission.commands)):
            return _FREE
        return await self._asked(by, prepared, guarded)

    async def _asked(
        self, by: Principal, prepared: PreparedCall, guarded: Guarded
    ) -> Approval | Admitted:
        """What was sent before is joined, and what is refused anyhow does not wait."""
        request, submission = prepared.request, prepared.submission
        if await self._store.is_known(submission):
            return _FREE
        there = await self._approvals.known(by.org, [c.device_id for c in submission.commands])
        if not there or not _may_wait(guarded, prepared, len(there)):
            return _FREE
        problem = submission.problem or _problem_of_one(submission)
        if problem is not None:
            raise problem
        new = new_approval(
            request,
            submission,
            there,
            batch_id=prepared.batch_id,
            right_name=await self._rights.name_of(by.org, request.command),
        )
        admitted = await self._approvals.admit(
            by, new, guarded, dangerous=prepared.is_dangerous, asked=request.approval
        )
        if isinstance(admitted, Admitted) or admitted.done_at is None:
            return admitted
        if not await self._store.is_known(submission):  # nothing became of it
            raise Conflict(f"this call was made before: it is {admitted.status}")
        return _FREE

    async def _same_that_waits(
        self, org: OrgId, device_id: DeviceId, prepared: PreparedCall
    ) -> Approval | None:
        """The call that the id is reserved for, if it is this very one."""
        (new,) = prepared.submission.commands
        if not new.chosen:
            return None
        found = await self._approvals.waiting_for(org, new.command_id, device_id)
        return found if found is not None and found.request_hash == new.request_hash else None

    def _recounting(self, org: OrgId, admitted: Admitted) -> TakenNote:
        return ignore if admitted is _FREE else partial(self._recount, org, admitted)

    async def _recount(self, org: OrgId, admitted: Admitted, taken: SubmissionOutcome) -> None:
        """What is not sent does not count."""
        if admitted.dispatch_id is not None:
            sent = [each for each in taken.outcomes if isinstance(each, CommandRow)]
            going = sum(not each.ended for each in sent)
            if going < admitted.targets:
                await self._approvals.recount(org, admitted.dispatch_id, going)


def _problem_of_one(submission: Submission) -> HubError | None:
    """Many have an entry each."""
    return submission.commands[0].problem if len(submission.commands) == 1 else None


def _may_wait(guarded: Guarded, prepared: PreparedCall, targets: int) -> bool:
    if not targets:
        return False
    request, dangerous = prepared.request, prepared.is_dangerous
    resource = f"commands/{type_of(request.command)}"
    need = need_of(guarded, resource, dangerous=dangerous, targets=targets, asked=request.approval)
    return need is not None or is_counted(guarded, dangerous=dangerous)
