"""Dispatches that waited for a second person: accepted at the moment of approval, or ended."""

from collections.abc import Callable, Mapping

from hub.approvals.service import Approval
from hub.base.errors import HubError, NotFound
from hub.base.principal import Principal
from hub.commands.acceptance import Submission, refusal_of
from hub.commands.accepting import Acceptor
from hub.commands.held import (
    OUT_OF_REACH,
    HeldCall,
    ending,
    given_by,
    held_of,
    not_accepted,
    only,
    unapproved,
)
from hub.commands.preparing import Preparation
from hub.commands.requests import submission_of
from hub.commands.rights import DispatchRights
from protocol.ids import DeviceId
from protocol.replies import ErrorObject


class ApprovedCalls:
    """`database_clock` gives seconds since 1970."""

    def __init__(
        self,
        acceptor: Acceptor,
        preparation: Preparation,
        rights: DispatchRights,
        *,
        database_clock: Callable[[], float],
    ) -> None:
        self._acceptor = acceptor
        self._preparation = preparation
        self._rights = rights
        self._database_clock = database_clock

    async def __call__(
        self, approval: Approval, asker: Principal, error: ErrorObject | None
    ) -> Mapping[str, ErrorObject]:
        """As an `Executor` of approvals. Each command has the id that it was given,
        so the second time it is there already."""
        held = held_of(approval)
        if error is None:
            return await self._send(approval, held, asker)
        submission = submission_of(
            held.request,
            asker,
            held.targets,
            now=self._database_clock(),
            batch_id=_batch_of(approval),
            given=given_by(approval),
        )
        ends = {device_id: unapproved(error) for device_id, _ in held.targets}
        return _said(await self._take(ending(submission, ends)))

    async def _send(
        self, approval: Approval, held: HeldCall, asker: Principal
    ) -> Mapping[str, ErrorObject]:
        """What a device does not take ends as well: it was promised."""
        devices = [device_id for device_id, _ in held.targets]
        _, refusals = await self._rights.sort(asker, held.command, devices)
        prepared = await self._preparation.prepared(
            asker,
            held.request,
            held.targets,
            batch_id=_batch_of(approval),
            given=given_by(approval),
        )
        submission = prepared.submission
        if submission.problem is not None:
            refused = dict.fromkeys(devices, submission.problem)
        else:
            out_of_reach = {DeviceId(device_id): OUT_OF_REACH for device_id in refusals}
            refused = await self._take(ending(submission, out_of_reach))
        ends = {
            device_id: not_accepted(refusal_of(refusal))
            for device_id, refusal in refused.items()
            if not isinstance(refusal, NotFound)
        }
        if ends:
            await self._take(only(submission, ends))
        return {**_said(refusals), **_said(refused)}

    async def _take(self, submission: Submission) -> dict[DeviceId, HubError]:
        """Of which targets nothing became. A second time, nothing is answered."""
        taken = await self._acceptor.take(submission)
        if taken.joined is not None:
            return {}
        return {
            new.device_id: outcome
            for new, outcome in zip(submission.commands, taken.outcomes, strict=True)
            if isinstance(outcome, HubError)
        }


def _batch_of(approval: Approval) -> str | None:
    return approval.subject if approval.kind == "bulk" else None


def _said(refused: Mapping[DeviceId, HubError] | Mapping[str, HubError]) -> dict[str, ErrorObject]:
    return {str(device_id): refusal_of(error) for device_id, error in refused.items()}
