"""Sessions: a byte stream between a person and a device, beside the line. Pure.

Both ends open `/ws/sessions/<id>` and speak binary messages, whose first byte is the channel, as in
Kubernetes' `v5.channel.k8s.io`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

SUBPROTOCOL: Final = "longline.session.v1"
KUBERNETES: Final = "v5.channel.k8s.io"
"""Without `info` on the status channel."""
LONGEST_MESSAGE: Final = 32 * 1024
"""Bytes, with the channel."""
LONGEST_DATA: Final = LONGEST_MESSAGE - 1

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
STATUS: Final = 3
RESIZE: Final = 4
CLOSE: Final = 255
"""The next byte names the channel that is closed."""
END_OF_STDIN: Final = bytes((CLOSE, STDIN))

SessionKind = Literal["exec", "shell", "logs", "forward", "file"]
KINDS: Final[tuple[SessionKind, ...]] = get_args(SessionKind)
StatusReason = Literal[
    "NonZeroExitCode", "NotFound", "Refused", "Signaled", "Timeout", "AgentRestarted", "Io"
]
RefusalCode = Literal["not_allowed", "cannot_end", "no_engine", "not_found", "busy"]
SESSION_ID: Final = r"^[A-Za-z0-9-]{1,64}$(?!\n)"
CONNECTION_NAME: Final = r"^[A-Za-z0-9._-]{1,64}$(?!\n)"

ConnectionName = Annotated[str, Meta(pattern=CONNECTION_NAME)]
_Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*$(?!\n)")]
_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Variable = Annotated[
    str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)")
]
_Argument = Annotated[str, Meta(max_length=16_384, pattern=r"^[^\x00]*$")]


class _Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class ExecParams(_Params, frozen=True):
    workload: _Name
    """`app/service`."""
    command: Annotated[list[_Argument], Meta(min_length=1, max_length=256)]
    tty: bool = False
    env: Annotated[dict[_Variable, _Argument], Meta(max_length=64)] = {}


class ShellParams(_Params, frozen=True):
    tty: bool = True
    user: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """None: who the agent is."""


class LogsParams(_Params, frozen=True):
    """Without `workload` and `source`: what `pull_logs` reads when it names none."""

    workload: _Name | None = None
    source: _Name | None = None
    tail: Annotated[int, Meta(ge=0, le=10_000)] = 200
    follow: bool = False
    since: Annotated[str, Meta(max_length=64)] | None = None
    """RFC 3339."""


class ForwardParams(_Params, frozen=True):
    host: _Name
    port: Annotated[int, Meta(ge=1, le=65_535)]


class FileParams(_Params, frozen=True):
    """`size` and `sha256` with `up` only."""

    path: _Path
    direction: Literal["down", "up"]
    mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}$(?!\n)")] | None = None
    """Octal."""
    offset: Annotated[int, Meta(ge=0)] = 0
    size: Annotated[int, Meta(ge=0)] | None = None
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it says what the file will be."""
        return self.size is not None and self.sha256 is not None


SessionParams = ExecParams | ShellParams | LogsParams | ForwardParams | FileParams
PARAMS: Final[dict[str, type[SessionParams]]] = {
    "exec": ExecParams,
    "shell": ShellParams,
    "logs": LogsParams,
    "forward": ForwardParams,
    "file": FileParams,
}


def params_of(kind: str, given: Mapping[str, Any]) -> SessionParams:
    """Raises `msgspec.ValidationError`."""
    params: SessionParams = msgspec.convert(dict(given), PARAMS[kind])
    if isinstance(params, FileParams) and params.direction == "up" and not params.is_whole:
        raise msgspec.ValidationError("`size` and `sha256` are required with `up`")
    if isinstance(params, LogsParams) and params.workload and params.source:
        raise msgspec.ValidationError("either `workload` or `source`")
    return params


def is_terminal(params: SessionParams) -> bool:
    """Whether somebody types there: what is seen is recorded."""
    return isinstance(params, ShellParams) or (isinstance(params, ExecParams) and params.tty)


# The status channel.


class _Cause(Struct, frozen=True):
    reason: str
    message: str


class _Details(Struct, frozen=True):
    causes: list[_Cause]


class Status(Struct, frozen=True, omit_defaults=True):
    """How it ended, as Kubernetes says it."""

    status: Literal["Success", "Failure"]
    reason: str | None = None
    message: str | None = None
    details: _Details | None = None

    @property
    def exit_code(self) -> int | None:
        """Of the program, where there was one."""
        if self.status == "Success":
            return 0
        causes = self.details.causes if self.details else []
        found = next((each.message for each in causes if each.reason == "ExitCode"), "")
        return int(found) if found.isdecimal() else None


class _StatusMessage(Struct, frozen=True):
    """Either."""

    status: str | None = None
    info: dict[str, Any] | None = None


_EITHER: Final = msgspec.json.Decoder(_StatusMessage)
_STATUS: Final = msgspec.json.Decoder(Status)
_SUCCESS: Final = Status("Success")


def success() -> bytes:
    """The message, with its channel."""
    return _on_status(_SUCCESS)


def failure(reason: StatusReason, message: str) -> bytes:
    return _on_status(Status("Failure", reason, message))


def exited(code: int) -> bytes:
    """What becomes of a program's exit code; a negative one is the signal that ended it."""
    if code == 0:
        return success()
    if code < 0:
        return failure("Signaled", f"ended by signal {-code}")
    cause = _Cause("ExitCode", str(code))
    ended = Status("Failure", "NonZeroExitCode", f"exit code {code}", _Details([cause]))
    return _on_status(ended)


def info(**said: object) -> bytes:
    return _on_status({"info": said})


def _on_status(content: object) -> bytes:
    return bytes((STATUS,)) + msgspec.json.encode(content)


def status_in(message: bytes) -> Status | None:
    """The last status, when this message of the device is that."""
    if message[:1] != bytes((STATUS,)):
        return None
    try:
        found = _EITHER.decode(message[1:])
        return None if found.status is None else _STATUS.decode(message[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def info_in(message: bytes) -> dict[str, Any] | None:
    if message[:1] != bytes((STATUS,)):
        return None
    try:
        return _EITHER.decode(message[1:]).info
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class _Size(Struct, frozen=True, rename="pascal"):
    width: Annotated[int, Meta(ge=1, le=65_535)]
    height: Annotated[int, Meta(ge=1, le=65_535)]


_SIZE: Final = msgspec.json.Decoder(_Size)


def resize(width: int, height: int) -> bytes:
    return bytes((RESIZE,)) + msgspec.json.encode(_Size(width, height))


def size_in(message: bytes) -> tuple[int, int] | None:
    """(width, height) of a resize; None for what is none."""
    if message[:1] != bytes((RESIZE,)):
        return None
    try:
        found = _SIZE.decode(message[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found.width, found.height
