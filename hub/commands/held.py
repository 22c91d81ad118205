"""A dispatch that waits for a second person: as it is kept, shown, and taken up again. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from hub.approvals.records import Approval, NewApproval, ShownCall, awaiting
from hub.audit.entries import HIDDEN
from hub.commands.acceptance import Submission
from hub.commands.decisions import UnsentEnd
from hub.commands.records import CommandRecord, Delivery
from hub.commands.requests import CommandRequest, GivenIds
from hub.rights.access import right_to_dispatch
from protocol.codec import at, rfc3339
from protocol.commands import Command, type_of
from protocol.errors import CommandErrorCode
from protocol.ids import CommandId, DeviceId
from protocol.lifecycle import LifecycleEvent, State, next_state
from protocol.replies import ErrorObject
from protocol.signing import Signature


class HeldCall(Struct, frozen=True, kw_only=True):
    """`targets`: each with the id of its command."""

    command: Command
    timeout_ms: int | None
    delivery: Delivery
    expires_at: datetime | None
    key: str | None
    path: str
    signatures: dict[DeviceId, Signature] = {}
    targets: list[tuple[DeviceId, CommandId]]

    @property
    def request(self) -> CommandRequest:
        return CommandRequest(
            command=self.command,
            timeout_ms=self.timeout_ms,
            delivery=self.delivery,
            expires_at=self.expires_at,
            key=self.key,
            path=self.path,
            signatures=self.signatures,
            wait=False,
        )


def held_of(approval: Approval) -> HeldCall:
    return msgspec.convert(approval.call, HeldCall)


def given_by(approval: Approval) -> GivenIds:
    return GivenIds(approval.request_hash, approval.approval_id)


def new_approval(
    request: CommandRequest,
    submission: Submission,
    there: Sequence[str],
    *,
    batch_id: str | None,
    right_name: str | None,
) -> NewApproval:
    """For those of its targets that are `there`."""
    wanted = set(there)
    commands = [new for new in submission.commands if new.device_id in wanted]
    first = commands[0]
    key = None if submission.key is None else submission.key[0]
    held = HeldCall(
        command=request.command,
        timeout_ms=request.timeout_ms,
        delivery=request.delivery,
        expires_at=request.expires_at,
        key=request.key,
        path=request.path,
        signatures={name: each for name, each in request.signatures.items() if name in wanted},
        targets=[(new.device_id, new.command_id) for new in commands],
    )
    return NewApproval(
        kind="command" if batch_id is None else "bulk",
        subject=batch_id or first.command_id,
        device_ids=[new.device_id for new in commands],
        shown=ShownCall(
            command={"type": first.type, **first.params},
            terms={
                "timeoutMs": first.timeout_ms,
                "delivery": request.delivery,
                "expiresAt": at(request.expires_at),
            },
        ),
        call=msgspec.to_builtins(held),
        request_hash=first.request_hash,
        rights=[right_to_dispatch(first.type)],
        right_name=right_name,
        ends_by=request.ends_by,
        key=None if key is None else (key.path, key.key),
    )


def awaiting_record(approval: Approval, command: Mapping[str, Any] | None) -> CommandRecord:
    """A command that is not in the ledger yet; `command` is what its reader may see of it."""
    held = held_of(approval)
    ((device_id, command_id),) = held.targets
    seen = dict(command or {})
    kind = seen.pop("type", type_of(held.command))
    is_hidden = seen.get("params") == HIDDEN
    return CommandRecord(
        command_id=command_id,
        status="AWAITING",
        success=None,
        device_id=device_id,
        type=kind,
        params=HIDDEN if is_hidden else seen,
        progress=None,
        actor=approval.asked_by.name,
        batch_id=None,
        created_at=rfc3339(approval.asked_at),
        deadline=None,
        expires_at=at(held.expires_at),
        sent_at=None,
        finished_at=None,
        late_result=None,
        approval=awaiting(approval),
        hidden=["params"] if is_hidden else UNSET,
    )


# How it ends, where nothing is sent

_LOST: Final[ErrorObject] = {
    "code": str(CommandErrorCode.FORBIDDEN),
    "message": "who asked for it has no right over the device any more",
}
OUT_OF_REACH: Final = UnsentEnd(next_state(State.PENDING, LifecycleEvent.WITHDRAW), _LOST)


def unapproved(error: ErrorObject) -> UnsentEnd:
    expired = error["code"] == CommandErrorCode.APPROVAL_EXPIRED
    event = LifecycleEvent.EXPIRE if expired else LifecycleEvent.WITHDRAW
    return UnsentEnd(next_state(State.PENDING, event), error)


def not_accepted(error: ErrorObject) -> UnsentEnd:
    """It was approved, and the device did not take it at that moment."""
    return UnsentEnd(next_state(State.PENDING, LifecycleEvent.UNSUPPORTED), error)


def ending(submission: Submission, ends: Mapping[DeviceId, UnsentEnd]) -> Submission:
    """With these ends; nothing else stands against a command that is not sent."""
    commands = [
        new if (end := ends.get(new.device_id)) is None else replace(new, end=end)
        for new in submission.commands
    ]
    return replace(submission, commands=commands, problem=None)


def only(submission: Submission, ends: Mapping[DeviceId, UnsentEnd]) -> Submission:
    """Those that end so, as a call of their own."""
    some = [new for new in submission.commands if new.device_id in ends]
    return replace(ending(replace(submission, commands=some), ends), key=None)
