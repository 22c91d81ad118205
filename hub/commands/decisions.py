"""What becomes of a command: every decision of the ledger. Pure.

`accept` decides on a new command; what it was told of the device must still hold when its row is
written. `plan` decides what a line is sent that it has not been written yet: again, for the first
time, or never. `fold` decides what replies do. Each is told what the database holds and answers
what to write; the steps themselves are those of `protocol/lifecycle.py`.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, assert_never

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from hub.base.errors import (
    Conflict,
    Ended,
    FieldError,
    HubError,
    NotFound,
    Quarantined,
    TooLarge,
    TooManyCommands,
)
from hub.base.principal import Principal
from hub.commands.records import CommandRow, Delivery, error_of
from hub.commands.signed import AttachedSignature
from protocol.commands import AGENT_TYPE, COMMANDS, UNNAMED_COMMANDS, Danger, UpdateFirmware
from protocol.dashboard import CommandProgressEvent
from protocol.errors import CommandErrorCode
from protocol.frames import LEAST_MAX_FRAME
from protocol.ids import CommandId, DeviceId, Generation, OrgId, ReplicaId
from protocol.lifecycle import ENDED, IllegalStep, LifecycleEvent, State, next_state
from protocol.replies import Ack, ErrorObject, Progress, Reply, Result, event_of

MAX_UNFINISHED: Final = 50


KEPT_PLACES: Final = 10
"""Of these the last, for what is dangerous or changes the device: a crowd of harmless commands does
not keep these out."""
COALESCED: Final = frozenset({"force_sync", "pull_logs", "enable_device"})
"""One of these that waits does for all who ask for the same."""
UPDATE: Final = str(UpdateFirmware.__struct_config__.tag)


def places_for(kind: str) -> int:
    """How many commands a device may have unfinished before one of this type is refused."""
    spec = COMMANDS.get(kind)
    harmless = spec is not None and spec.danger is Danger.NO and kind != "push_config"
    return MAX_UNFINISHED - KEPT_PLACES if harmless else MAX_UNFINISHED


class UnsentEnd(Struct, frozen=True):
    """What becomes of a command that the device is not sent."""

    status: State
    error: ErrorObject | None = None


class NewCommand(Struct, frozen=True, kw_only=True):
    """A command that a caller wants, validated and authorised."""

    org: OrgId
    command_id: CommandId
    chosen: bool
    """Whether the caller chose the id: only such a one may be there already."""
    device_id: DeviceId
    type: str
    params: dict[str, Any]
    timeout_ms: int
    delivery: Delivery
    expires_at: datetime | None
    by: Principal
    """Who answers for it: when it is sent, too."""
    batch_id: str | None
    request_hash: bytes
    frame_bytes: int = 0
    """Of the frame that carries it."""
    redeliver: bool = False
    """Whether a device's own command may be delivered twice."""
    names_secrets: bool = False
    """Then it is claimed: only who looks into the ledger has the values."""
    problem: HubError | None = None
    """Why this device's may not be accepted, unless it was before."""
    signature: AttachedSignature | None = None
    approval_id: str | None = None
    """Of the approval that its id is reserved for."""
    end: UnsentEnd | None = None
    """With what it ends, of which nothing is sent: it was promised, and not approved."""

    @property
    def coalesces(self) -> bool:
        """Whether it may join an equal one that waits, where nothing names this very call."""
        return self.delivery == "queue" and not self.chosen and self.type in COALESCED


class CommandTarget(Struct, kw_only=True):
    """What the database says of a device, and what this batch adds to it."""

    seq: int
    online: bool
    generation: Generation | None
    commands: list[str] | None
    unfinished: int
    owner: ReplicaId | None
    """The replica that has its line, None when it has no live one."""
    max_frame: int | None = None
    """As the last `hello` said, in bytes."""
    installers: list[str] | None = None
    updates_itself: bool = False
    quarantined: bool = False


class ReadyLine(Struct, frozen=True):
    """A line of this replica that may be written to at once."""

    generation: Generation
    journal_id: str | None
    commands: frozenset[str]
    max_frame: int | None = None
    settled: bool = True
    """Whether it is known by now how long a frame it takes."""
    installers: frozenset[str] | None = None
    updates_itself: bool = False


class Insert(Struct, frozen=True, kw_only=True):
    """A row to be inserted."""

    new: NewCommand
    seq: int
    generation_read: Generation | None
    """Of the device's newest line, when it was decided."""
    status: State
    error: ErrorObject | None = None
    sent_generation: Generation | None = None
    journal_id: str | None = None


def request_hash(*parts: object) -> bytes:
    """Equal for requests that are the same after decoding, with defaults filled in."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).digest()


def accept(
    new: NewCommand,
    target: CommandTarget | None,
    existing: CommandRow | None,
    line: ReadyLine | None,
) -> Insert | CommandRow | HubError:
    """A row to insert, the command that was there already, or why not.

    Moves the target on, so that the next command of the same batch sees this one.
    """
    if target is None:
        return NotFound("no such device")
    if existing is not None:
        same = existing.device_id == new.device_id and existing.request_hash == new.request_hash
        return existing if same else Conflict("this command id was used for another request")
    if new.end is not None:
        target.seq += 1
        return Insert(
            new=new,
            seq=target.seq,
            generation_read=target.generation,
            status=new.end.status,
            error=new.end.error,
        )
    if target.quarantined:
        return Quarantined("the device is in quarantine: nothing is sent to it")
    most = line.max_frame if line and line.generation == target.generation else target.max_frame
    if most is not None and new.frame_bytes > most:
        return too_large(new.params, f"the device takes frames of {most} bytes at most")
    insert = _born(new, target, line)
    if insert.status in (State.PENDING, State.SENT):
        if target.unfinished >= places_for(new.type):
            return TooManyCommands(
                f"the device has {target.unfinished} unfinished commands", retry_after=5
            )
        target.unfinished += 1
    target.seq = insert.seq
    return insert


def _born(new: NewCommand, target: CommandTarget, line: ReadyLine | None) -> Insert:
    insert = Insert(
        new=new, seq=target.seq + 1, generation_read=target.generation, status=State.PENDING
    )
    if not target.online and new.delivery == "now":
        return replace(
            insert,
            status=next_state(State.PENDING, LifecycleEvent.NO_LINE),
            error=error_of(CommandErrorCode.DEVICE_OFFLINE, "the device is not connected"),
        )
    here = line if line and target.online and line.generation == target.generation else None
    end = _end(new, target, here) if target.online else None
    if end is not None:
        return replace(insert, status=end.status, error=end.error)
    knows = here is not None and (here.settled or not _awaits_hello(new.type, new.frame_bytes))
    if here is not None and knows and not new.names_secrets:
        return replace(
            insert,
            status=next_state(State.PENDING, LifecycleEvent.SEND),
            sent_generation=here.generation,
            journal_id=here.journal_id,
        )
    return insert


def _end(new: NewCommand, target: CommandTarget, here: ReadyLine | None) -> UnsentEnd | None:
    """The line itself knows before the database does; of another replica's only that can tell. What
    a device has beside the eleven is not known before its first frame."""
    if here is not None:
        known = here.commands if here.settled else None
        return unsent_end(new.type, new.params, known, here.installers, here.updates_itself)
    known = UNNAMED_COMMANDS if target.commands is None else target.commands
    return unsent_end(new.type, new.params, known, target.installers, target.updates_itself)


def _awaits_hello(kind: str, frame_bytes: int) -> bool:
    """Whether only `hello` can tell if the device takes the command."""
    return frame_bytes > LEAST_MAX_FRAME or kind == UPDATE or kind not in COMMANDS


def unsent_end(
    kind: str,
    params: Mapping[str, Any],
    commands: Collection[str] | None,
    installers: Collection[str] | None,
    updates_itself: bool,
) -> UnsentEnd | None:
    """None when it can be sent. A forced update of a device that updates itself becomes a pin."""
    missing = missing_for(kind, params, commands, installers)
    if missing is not None:
        return UnsentEnd(_REJECTED, _unsupported(missing))
    if kind != UPDATE or not updates_itself:
        return None
    if params.get("force") is True:
        return UnsentEnd(next_state(State.PENDING, LifecycleEvent.PIN))
    return UnsentEnd(_REJECTED, _SELF_UPDATING)


_REJECTED: Final = next_state(State.PENDING, LifecycleEvent.UNSUPPORTED)
_SELF_UPDATING: Final = error_of(
    CommandErrorCode.SELF_UPDATING, "the device looks for its versions by itself"
)


def missing_for(
    kind: str,
    params: Mapping[str, Any],
    commands: Collection[str] | None,
    installers: Collection[str] | None,
) -> str | None:
    """What the command needs and the device says it has not: by its `hello`, in which null says
    nothing. None when it can be sent."""
    if commands is not None and kind not in commands:
        return kind
    if kind != UPDATE or installers is None:
        return None
    software = params.get("installer", AGENT_TYPE)
    return None if software in installers else f"the installation of {software}"


def _unsupported(what: str) -> ErrorObject:
    return error_of(CommandErrorCode.UNSUPPORTED, f"the device does not support {what}")


def too_large(params: dict[str, Any], why: str) -> TooLarge:
    """Names the largest parameter."""
    sizes = {name: len(msgspec.json.encode(value)) for name, value in params.items()}
    field = max(sizes, key=lambda name: sizes[name], default="type")
    return TooLarge(
        f"command.{field}: {why}", errors=[FieldError(f"command.{field}", f"too large: {why}")]
    )


# What a line is sent


class Claim(Struct, frozen=True, kw_only=True):
    """A line that asks for what it has not been written."""

    org: OrgId
    device_id: DeviceId
    generation: Generation
    journal_id: str | None
    commands: frozenset[str]
    settled: bool
    """Whether it is known, by now, if the device keeps a journal and how long a frame it takes."""
    sent_up_to: int
    max_frame: int | None = None
    installers: frozenset[str] | None = None
    updates_itself: bool = False


class ClaimStep(Struct, frozen=True):
    """One command of a claim: sent (again), or ended."""

    command: CommandRow
    status: State
    sent: bool
    error: ErrorObject | None = None


MOST_FRAME: Final = 2**20
"""Bytes of a frame down, for a device that says no bound of its own (protocol, 2)."""


class Plan(Struct, frozen=True):
    steps: list[ClaimStep]
    held: bool
    """A command in doubt, or one that some devices do not take, and all that was accepted after it,
    waits until the line is settled."""
    later: bool = False
    """The next one cannot be sent now: the sweep looks again."""


def plan(claim: Claim, commands: Iterable[CommandRow]) -> Plan:
    """What becomes of the commands, given in their order, that the line has not been written."""
    steps: list[ClaimStep] = []
    for command in commands:
        if command.waits:
            return Plan(steps, held=False, later=True)
        size = command.frame_bytes()
        if not claim.settled and _awaits_hello(command.type, size):
            return Plan(steps, held=True)
        if size > (claim.max_frame or MOST_FRAME):
            steps.extend(_outsized(claim, command))
        elif command.status is State.PENDING:
            steps.append(_first_time(claim, command))
        elif _safe_again(claim, command):
            steps.append(
                ClaimStep(command, next_state(command.status, LifecycleEvent.RESEND), sent=True)
            )
        elif not claim.settled:
            return Plan(steps, held=True)
        else:
            steps.append(_lost(command))
    return Plan(steps, held=False)


def _first_time(claim: Claim, command: CommandRow) -> ClaimStep:
    if not command.owner_may:
        status = next_state(State.PENDING, LifecycleEvent.WITHDRAW)
        return ClaimStep(command, status, sent=False, error=_FORBIDDEN)
    end = unsent_end(
        command.type, command.params, claim.commands, claim.installers, claim.updates_itself
    )
    if end is not None:
        return ClaimStep(command, end.status, sent=False, error=end.error)
    return ClaimStep(command, next_state(State.PENDING, LifecycleEvent.SEND), sent=True)


_FORBIDDEN: Final = error_of(CommandErrorCode.FORBIDDEN, "its sender may no longer send it")


def _outsized(claim: Claim, command: CommandRow) -> list[ClaimStep]:
    """What the device has acknowledged was not too large for it then: it is in the journal, or lost
    with it. What it may have done on an older line is in doubt, as with any other size."""
    if command.status not in (State.PENDING, State.SENT):
        return [] if _in_journal(claim, command) else [_lost(command)]
    if command.status is State.SENT and not _safe_again(claim, command):
        return [_lost(command)]
    message = f"the device takes frames of {claim.max_frame or MOST_FRAME} bytes at most"
    error = error_of(CommandErrorCode.TOO_LARGE, message)
    status = next_state(command.status, LifecycleEvent.TOO_LARGE)
    return [ClaimStep(command, status, sent=False, error=error)]


def _safe_again(claim: Claim, command: CommandRow) -> bool:
    """Committed as sent on this very line and not written yet, or harmless to deliver twice."""
    spec = COMMANDS.get(command.type)
    return (
        command.sent_generation == claim.generation
        or (command.redeliver if spec is None else spec.redeliverable)
        or _in_journal(claim, command)
    )


def _in_journal(claim: Claim, command: CommandRow) -> bool:
    return claim.journal_id is not None and command.journal_id == claim.journal_id


def _lost(command: CommandRow) -> ClaimStep:
    message = "the line was lost before a result came, and it is not safe to send it again"
    error = error_of(CommandErrorCode.UNKNOWN, message)
    return ClaimStep(
        command, next_state(command.status, LifecycleEvent.LOSE), sent=False, error=error
    )


def cancel(status: State) -> State:
    """What a DELETE makes of a command: withdrawn when it was not sent, else as it was, because the
    device is asked and its result decides. Raises `Ended` when there is nothing to cancel."""
    if status in ENDED:
        raise Ended(f"the command has ended: {status}")
    return next_state(status, LifecycleEvent.WITHDRAW) if status is State.PENDING else status


# What replies do


class Replied(Struct, frozen=True):
    """A reply, and the line that brought it."""

    org: OrgId
    device_id: DeviceId
    generation: Generation
    reply: Reply


class Folded(Struct, kw_only=True):
    """A command with its replies applied."""

    command: CommandRow
    changed: bool = False
    ended: bool = False
    progress: list[CommandProgressEvent] = []


def given_to(command: CommandRow | None, replied: Replied) -> bool:
    """Whether the command was ever given to this device."""
    return (
        command is not None
        and command.device_id == replied.device_id
        and command.sent_generation is not None
    )


def fold(folded: Folded, reply: Reply, *, ts: str) -> None:
    """Apply one reply. What the table does not allow changes nothing, but for a result that comes
    after the end: it is kept beside the record."""
    command = folded.command
    event = event_of(reply)
    try:
        status = next_state(command.status, event)
    except IllegalStep:
        if isinstance(reply, Result):
            _late(folded, reply)
        return
    changes: dict[str, Any] = {"status": status}
    match reply:
        case Ack():
            folded.changed |= status is not command.status
        case Progress():
            changes["progress"] = _progress(reply)
            folded.progress = [*folded.progress, _progress_event(command, reply, ts)]
            folded.changed = True
        case Result():
            changes |= _outcome(reply, status)
            folded.changed = folded.ended = True
        case _:
            assert_never(reply)
    folded.command = replace(command, **changes)


def _late(folded: Folded, result: Result) -> None:
    """The device repeats a result until it hears that it is kept: only one that says something
    else than the record is news."""
    command = folded.command
    says = STATE_OF[event_of(result)]
    if says is not command.status and command.late_result is None:
        late: dict[str, Any] = msgspec.to_builtins(result)
        folded.command = replace(command, late_result=late)
        folded.changed = True


STATE_OF: Final = {
    event: next_state(State.SENT, event)
    for event in (
        LifecycleEvent.SUCCEED,
        LifecycleEvent.FAIL,
        LifecycleEvent.REJECT,
        LifecycleEvent.CANCEL,
        LifecycleEvent.LOSE,
    )
}
"""The state that each kind of result asks for."""

_DEFAULT_ERROR: Final = {
    State.UNKNOWN: error_of(CommandErrorCode.UNKNOWN, "the device cannot tell whether it ran"),
    State.CANCELLED: error_of(CommandErrorCode.CANCELLED, "cancelled on the device"),
}


def _outcome(result: Result, status: State) -> dict[str, Any]:
    error = None
    if status is not State.SUCCESS:
        told = result.error
        error = msgspec.to_builtins(told) if told else _DEFAULT_ERROR.get(status)
    return {"output": result.output, "data": result.data, "error": error}


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "percent": progress.percent,
        "stage": progress.stage or None,
        "message": progress.message or None,
    }


def _progress_event(command: CommandRow, progress: Progress, ts: str) -> CommandProgressEvent:
    return CommandProgressEvent(
        device_id=command.device_id,
        ts=ts,
        command_id=command.command_id,
        percent=progress.percent,
        stage=progress.stage or UNSET,
        message=progress.message or UNSET,
    )
