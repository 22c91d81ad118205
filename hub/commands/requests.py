"""What a caller asks for, made into commands that can be accepted. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from hub.base.errors import HubError, invalid
from hub.base.principal import Principal
from hub.commands.acceptance import Submission
from hub.commands.decisions import NewCommand, request_hash, too_large
from hub.commands.records import Delivery, IdempotencyKey, IdempotencyRow, frame_without_id
from hub.commands.signed import AttachedSignature, attached
from hub.own.description import OwnTerms
from protocol.commands import (
    PARAMS,
    Command,
    CommandSpec,
    params_of,
    spec_of,
    timeout_of,
    type_of,
    wire_type,
)
from protocol.ids import CommandId, DeviceId
from protocol.own import NO_ARGUMENTS
from protocol.secret_values import SECRET, found_in
from protocol.signing import Signature

DEFAULT_EXPIRY: Final = timedelta(hours=24)
LONGEST_EXPIRY: Final = timedelta(days=30)
MOST_PARAMS: Final = 256 * 1024
"""Of the parameters in a command's frame, in bytes: what any device must take, beside the head."""
_HEAD_BYTES: Final = {name: len(frame_without_id(name, {})) for name in PARAMS}


class CommandRequest(Struct, frozen=True, kw_only=True):
    """A command as a caller asks for it. `key` is an Idempotency-Key, `path` its scope."""

    command: Command
    timeout_ms: int | None = None
    delivery: Delivery = "now"
    expires_at: datetime | None = None
    key: str | None = None
    path: str = ""
    wait: bool = True
    signatures: Mapping[DeviceId, Signature] = MappingProxyType({})
    """Of each target, where a person has signed the command."""
    approval: bool = False
    """Whether it shall wait for a second person, whatever is set."""

    @property
    def ends_by(self) -> datetime | None:
        """By when it must have been approved: later it could not be sent any more."""
        ends = [attached(each).until for each in self.signatures.values()]
        moments = [datetime.fromtimestamp(each, UTC) for each in ends if each is not None]
        if self.expires_at is not None:
            moments.append(self.expires_at)
        return min(moments, default=None)


class GivenIds(Struct, frozen=True):
    """Of a call whose commands had their ids before it is made: with this hash it is the same call
    however often, and for however few of its targets. `approval_id`: for what it waited."""

    request_hash: bytes
    approval_id: str | None = None


def submission_of(
    request: CommandRequest,
    by: Principal,
    targets: Sequence[tuple[DeviceId, CommandId]],
    *,
    now: float,
    batch_id: str | None = None,
    terms: Mapping[DeviceId, OwnTerms] = MappingProxyType({}),
    unknown: HubError | None = None,
    faults: Mapping[DeviceId, HubError] = MappingProxyType({}),
    given: GivenIds | None = None,
) -> Submission:
    """The commands of one call, one for each target; `now` in seconds since 1970. Its hash is equal
    for the same request for the same targets, whatever `terms` say: those of devices' own commands,
    as each describes it. `unknown`: a secret that it names and that is not there. `faults`: why
    signatures do not count. `given`: what it was before it was made. Raises `Invalid`."""
    kind, params = type_of(request.command), params_of(request.command)
    timeout_ms = request.timeout_ms or timeout_of(request.command)
    frame = frame_without_id(kind, params)
    signed = {device_id: attached(each) for device_id, each in request.signatures.items()}
    if given is not None:
        hashed = given.request_hash
    else:
        hashed = request_hash(
            sorted(device_id for device_id, _ in targets),
            kind,
            params,
            timeout_ms,
            request.delivery,
            request.expires_at.timestamp() if request.expires_at else None,
            *sorted((device_id, each.text) for device_id, each in signed.items()),
        )
    expires_at = _expiry(request, now)
    commands = [
        NewCommand(
            org=by.org,
            command_id=command_id,
            chosen=given is not None or device_id in signed or command_id == request.command.id,
            device_id=device_id,
            type=kind,
            params=params,
            timeout_ms=timeout_ms,
            delivery=request.delivery,
            expires_at=expires_at,
            by=by,
            batch_id=batch_id,
            request_hash=hashed,
            frame_bytes=len(frame) + len(command_id),
            names_secrets=_SECRET_IN_FRAME in frame,
            approval_id=None if given is None else given.approval_id,
        )
        for device_id, command_id in targets
    ]
    if terms:
        commands = [_on_terms(new, terms.get(new.device_id), request) for new in commands]
    if signed:
        commands = [
            _with_signature(new, signed[new.device_id], faults.get(new.device_id), now)
            for new in commands
        ]
    return Submission(
        commands=commands,
        key=_key(request, by, IdempotencyRow(hashed, batch_id or commands[0].command_id)),
        problem=unknown or _problem(request, spec_of(request.command), params, frame, now),
    )


def _on_terms(new: NewCommand, terms: OwnTerms | None, request: CommandRequest) -> NewCommand:
    if terms is None:
        return new
    return replace(
        new,
        timeout_ms=request.timeout_ms or terms.timeout_ms,
        redeliver=terms.redeliver,
        problem=terms.problem,
    )


def _with_signature(
    new: NewCommand, signature: AttachedSignature, fault: HubError | None, now: float
) -> NewCommand:
    """It is not kept for its device any longer than the signature counts. `now` in seconds since
    1970."""
    more = len(_BESIDE) + len(signature.text.encode())
    head = _HEAD_BYTES[wire_type(new.type)] + len(new.command_id)
    if fault is None and new.frame_bytes + more - head > MOST_PARAMS:
        fault = too_large(new.params, f"with its signature over {MOST_PARAMS} bytes as it is sent")
    expires_at = new.expires_at
    if expires_at is not None and signature.until is not None and fault is None:
        expires_at = min(expires_at, datetime.fromtimestamp(signature.until, UTC))
    return replace(
        new,
        signature=signature,
        frame_bytes=new.frame_bytes + more,
        expires_at=expires_at,
        problem=fault or new.problem,
    )


_BESIDE: Final = b',"signature":'


def _key(
    request: CommandRequest, by: Principal, row: IdempotencyRow
) -> tuple[IdempotencyKey, IdempotencyRow] | None:
    """Whose key it is, is part of it: nobody joins another's call by it."""
    if not request.key:
        return None
    scope = f"{by.kind} {by.key_id or by.subject} {request.path}"
    return IdempotencyKey(by.org, scope, request.key), row


def _problem(
    request: CommandRequest, spec: CommandSpec, params: dict[str, Any], frame: bytes, now: float
) -> HubError | None:
    """Why this may not be accepted at `now`, though it may have been before: whoever repeats a call
    joins what came of the first."""
    refused = _not_for_secrets(spec, params, frame) or _reserved(spec, params)
    if refused is not None:
        return refused
    if len(frame) - _HEAD_BYTES[spec.name] > MOST_PARAMS:
        return too_large(params, f"over {MOST_PARAMS} bytes as it is sent")
    if request.expires_at is None or request.delivery == "now":
        return None
    ahead = request.expires_at - datetime.fromtimestamp(now, UTC)
    if timedelta(0) < ahead <= LONGEST_EXPIRY:
        return None
    return invalid("expiresAt", "must be in the future, by at most 30 days")


_SECRET_IN_FRAME: Final = f'"{SECRET}"'.encode()
_ARGUMENTS: Final = frozenset({"exec_shell", "custom"})
"""Types whose `args` have names of somebody's choice."""


def secret_in(document: dict[str, Any]) -> str | None:
    """Where it holds what stands for a secret, as a dotted path behind its own; None = nowhere."""
    found = next(found_in(document, ""), None)
    return None if found is None else found.path


def _not_for_secrets(spec: CommandSpec, params: dict[str, Any], frame: bytes) -> HubError | None:
    """A configuration is merged, compared and kept, and cannot name one."""
    if spec.name in _ARGUMENTS or _SECRET_IN_FRAME not in frame:
        return None
    found = next(found_in(params, "command"), None)
    return None if found is None else invalid(found.path, "only arguments can name a secret")


def _reserved(spec: CommandSpec, params: dict[str, Any]) -> HubError | None:
    """These names are members of the frame, beside the parameters; and no secret stands for all of
    the arguments."""
    args: dict[str, Any] = params.get("args", {}) if spec.name in _ARGUMENTS else {}
    if SECRET in args:
        return invalid("command.args", "a secret stands for a string")
    for name in sorted(NO_ARGUMENTS & set(args)):
        return invalid(f"command.args.{name}", "is reserved")
    return None


def _expiry(request: CommandRequest, now: float) -> datetime | None:
    if request.delivery == "queue":
        return request.expires_at or datetime.fromtimestamp(now, UTC) + DEFAULT_EXPIRY
    if request.expires_at is not None:
        raise invalid("expiresAt", 'goes with "delivery":"queue"')
    return None
