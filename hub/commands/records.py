"""A command as the ledger holds it, and as callers and dashboards see it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict

import msgspec
from msgspec import UNSET, Struct, UnsetType, field, structs

from hub.audit.entries import HIDDEN
from hub.base.awaiting import Awaiting
from hub.commands.signed import ShownSignature, shown
from hub.rights.access import is_secret
from protocol import stream
from protocol.codec import at, encode_command, rfc3339
from protocol.commands import CommandType
from protocol.dashboard import CommandAcceptedEvent, CommandResultEvent
from protocol.errors import CommandErrorCode
from protocol.ids import CommandId, DeviceId, Generation, OrgId, ReplicaId
from protocol.lifecycle import ENDED, UNFINISHED, State
from protocol.replies import ErrorObject, Outcome, ResultError
from protocol.secret_values import Values

Delivery = Literal["now", "queue"]
Index = Literal["recent", "device", "batch", "unfinished", "failed"]
FAILED: Final = ENDED - {State.SUCCESS}

EVENT_OUTPUT_BYTES: Final = 1024


class ProgressObject(TypedDict):
    """The newest progress report of a device."""

    percent: float | None
    stage: str | None
    message: str | None


class LateResult(TypedDict):
    """A result that arrived after the command had ended."""

    type: Literal["result"]
    commandId: CommandId
    success: bool
    output: str | None
    data: dict[str, Any] | Literal["hidden"] | None
    error: ErrorObject | None
    outcome: Outcome | None


class CommandRow(Struct, frozen=True, kw_only=True):
    """One row of `command`."""

    org: OrgId
    command_id: CommandId
    device_id: DeviceId
    seq: int
    type: str
    params: dict[str, Any]
    status: State
    delivery: Delivery
    timeout_ms: int
    actor: str
    batch_id: str | None
    request_hash: bytes
    created_at: datetime
    deadline: datetime | None
    expires_at: datetime | None
    sent_at: datetime | None
    sent_generation: int | None
    journal_id: str | None
    cancelled_by: str | None
    progress: ProgressObject | None
    finished_at: datetime | None
    output: str | None
    data: dict[str, Any] | None
    error: ErrorObject | None
    late_result: LateResult | None
    accepted_by: ReplicaId
    owner_id: str = ""
    """The user (or the hub, "") that answers for it."""
    redeliver: bool = False
    """Whether a device's own command may be delivered twice."""
    owner_may: bool = True
    """Whether its owner has the right to send it, as far as it was asked."""
    signature: str | None = None
    """JSON that goes along, as it is."""
    secrets: Values = field(default_factory=Values)
    """What its parameters name, while it is being sent: in no row."""
    waits: bool = False
    """One of those does not open here: it is sent when it does."""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def frame(self, now: datetime) -> bytes:
        """The frame that carries it down the line; `now` by the database's clock, as `deadline`."""
        deadline, sent = at(self.deadline), rfc3339(now)
        return encode_command(
            self.type, self.command_id, self.params, deadline, sent, self.secrets, self.signature
        )

    def frame_bytes(self) -> int:
        """How long the frame is, whenever it is sent: moments are equally long."""
        bare = frame_without_id(self.type, self.params, self.secrets, self.signature)
        return len(bare) + len(self.command_id)


def frame_without_id(
    kind: str,
    params: dict[str, Any],
    secrets: Mapping[str, str] = MappingProxyType({}),
    signature: str | None = None,
) -> bytes:
    """The frame that will carry a command, but for its id, in the form in which it is sent."""
    return encode_command(kind, CommandId(""), params, _MOMENT, _MOMENT, secrets, signature)


_MOMENT: Final = rfc3339(datetime(2000, 1, 1, tzinfo=UTC))


class CommandResult(Struct, frozen=True, rename="camel", kw_only=True):
    """The answer to a dispatch. `success` is null until the command ends."""

    command_id: CommandId | None
    status: str
    success: bool | None
    output: str | None = None
    data: dict[str, Any] | None = None
    error: ErrorObject | None = None


class CommandRecord(CommandResult, frozen=True, rename="camel", kw_only=True):
    """`hidden` names the members that this caller may not see: their value is "hidden"."""

    device_id: DeviceId
    type: str
    params: dict[str, Any] | Literal["hidden"]
    progress: ProgressObject | None
    actor: str
    batch_id: str | None
    created_at: str
    deadline: str | None
    expires_at: str | None
    sent_at: str | None
    finished_at: str | None
    late_result: LateResult | None
    signature: ShownSignature | UnsetType = UNSET
    """Who signed it, where somebody did."""
    hidden: list[str] | UnsetType = UNSET
    approval: Awaiting | UnsetType = UNSET
    """For what it waits, while it is AWAITING."""


def error_of(code: CommandErrorCode, message: str) -> ErrorObject:
    return {"code": str(code), "message": message}


def success_of(command: CommandRow) -> bool | None:
    return command.status is State.SUCCESS if command.ended else None


def result_of(command: CommandRow) -> CommandResult:
    return CommandResult(
        command_id=command.command_id,
        status=str(command.status),
        success=success_of(command),
        output=command.output,
        data=command.data,
        error=command.error,
    )


def refused_result(error: ErrorObject) -> CommandResult:
    """Of a target for which there is no command."""
    return CommandResult(command_id=None, status="REJECTED", success=False, error=error)


def record_of(command: CommandRow) -> CommandRecord:
    return CommandRecord(
        command_id=command.command_id,
        status=str(command.status),
        success=success_of(command),
        output=command.output,
        data=command.data,
        error=command.error,
        device_id=command.device_id,
        type=command.type,
        params=command.params,
        progress=command.progress,
        actor=command.actor,
        batch_id=command.batch_id,
        created_at=rfc3339(command.created_at),
        deadline=at(command.deadline),
        expires_at=at(command.expires_at),
        sent_at=at(command.sent_at),
        finished_at=at(command.finished_at),
        late_result=command.late_result,
        signature=UNSET if command.signature is None else shown(command.signature),
    )


def record_without_secrets(command: CommandRow) -> CommandRecord:
    """For callers who may not dispatch it: what it was given, and what it wrote, may be secret."""
    record = record_of(command)
    return structs.replace(
        record,
        params="hidden",
        output=_hidden(record.output),
        data=_sealed(record.data),
        error=_without_output(record.error),
        progress=_without_output(record.progress),
        late_result=_without_output(record.late_result),
        hidden=["params", "output"],
    )


_WRITTEN: Final = frozenset({"output", "stdout", "stderr", "data", "message", "stage"})
"""Where a device may repeat what a command wrote."""


def _without_output(said: Mapping[str, Any] | None) -> Any:
    """None stays None; an `error` within it is treated likewise."""
    if said is None:
        return None
    shown = {
        name: HIDDEN if name in _WRITTEN and value is not None else value
        for name, value in said.items()
    }
    if said.get("error") is not None:
        shown["error"] = _without_output(said["error"])
    return shown


_HARMLESS: Final = frozenset({"exitCode", "truncated"})


def _sealed(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """A device's own command may put anything there, under any name."""
    if data is None:
        return None
    return {name: value if name in _HARMLESS else HIDDEN for name, value in data.items()}


def _hidden(text: str | None) -> str | None:
    return None if text is None else HIDDEN


def accepted_event(command: CommandRow) -> CommandAcceptedEvent:
    return CommandAcceptedEvent(
        device_id=command.device_id,
        ts=rfc3339(command.created_at),
        command_id=command.command_id,
        command_type=command.type,
        status=str(command.status),
        actor=command.actor,
        batch_id=command.batch_id or msgspec.UNSET,
    )


def result_event(command: CommandRow) -> CommandResultEvent:
    error = command.error
    return CommandResultEvent(
        device_id=command.device_id,
        ts=at(command.finished_at) or rfc3339(command.created_at),
        command_id=command.command_id,
        command_type=command.type,
        status=str(command.status),
        success=command.status is State.SUCCESS,
        output=_first_kilobyte(command.output),
        error=ResultError(**error) if error else None,
    )


def level_of(command: CommandRow) -> str:
    """Of an event that tells what the command wrote."""
    return stream.RESTRICTED if is_secret(command.type) else ""


def _first_kilobyte(output: str | None) -> str | None:
    if output is None:
        return None
    return output.encode()[:EVENT_OUTPUT_BYTES].decode("utf-8", "ignore")


class IdempotencyKey(Struct, frozen=True):
    """An Idempotency-Key in its scope."""

    org: OrgId
    path: str
    key: str


class IdempotencyRow(Struct, frozen=True):
    """What a key stands for: a command, or a batch and the errors of the targets it refused."""

    request_hash: bytes
    subject: str
    refused: dict[str, ErrorObject] = {}


class CommandFilter(Struct, frozen=True, kw_only=True):
    device_id: DeviceId | None = None
    status: list[State] | None = None
    type: list[CommandType] | None = None
    batch_id: str | None = None
    actor: str | None = None
    finished: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    """Without what ended before."""

    @property
    def index(self) -> Index:
        """The one by which the fewest commands are looked at."""
        status = None if self.status is None else frozenset(self.status)
        if self.batch_id is not None:
            return "batch"
        if self.finished is False or (status is not None and status <= UNFINISHED):
            return "unfinished"
        if self.device_id is not None:
            return "device"
        if status is not None and status <= FAILED:
            return "failed"
        return "recent"


class RepliedCommand(Struct, frozen=True):
    """A command, and the generation of the newest line of its device."""

    command: CommandRow
    newest: Generation | None
