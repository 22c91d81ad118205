"""The frames of the device socket that are neither commands, replies nor telemetry."""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.commands import CUSTOM, Name, is_own, own_type
from protocol.errors import FrameErrorCode
from protocol.ids import CommandId, CommandIdField, DeviceId, ReplicaId
from protocol.own import CustomCommands, OwnCommands
from protocol.replies import Ack, Progress, Result, ResultError
from protocol.sessions import SESSION_ID
from protocol.telemetry import (
    WORKLOAD_STATUS,
    Alert,
    BootId,
    Event,
    LogLine,
    Print,
    Scan,
    Seq,
    Status,
    WorkloadStatus,
)


class Frame(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """Unknown fields are ignored: the protocol may grow."""


# Device → hub (either socket for the first two).


class Auth(Frame, frozen=True, tag="auth"):
    """The first frame of a socket opened without a token, or later a newer token."""

    token: str


LEAST_MAX_FRAME: Final = 4_096
"""Bytes that every device takes, whatever it says."""


class Ping(Frame, frozen=True, tag="ping"):
    pass


SectionKind = Annotated[str, Meta(min_length=1, max_length=32)]
SectionVersion = Annotated[str, Meta(max_length=64)]
"""Opaque for a device: what the hub's answer said."""
SectionHash = Annotated[str, Meta(max_length=128)]
"""SHA-256 in hex of a document as canonical JSON (RFC 8785)."""


class SectionState(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a device has of one section of its desired state."""

    version: SectionVersion | None = None
    hash: SectionHash | None = None
    refused: SectionVersion | None = None
    """The version that it was handed over last, where it could not take it or has undone it."""


class Hello(Frame, frozen=True, tag="hello"):
    """Optional, at most once, before any other frame. Without it a device supports every command
    and keeps no journal."""

    boot_id: BootId
    agent_version: Annotated[str, Meta(max_length=128)] | None = None
    journal_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    commands: Annotated[list[str], Meta(max_length=256)] | None = None
    unfinished: Annotated[list[CommandIdField], Meta(max_length=1000)] | None = None
    config_version: Annotated[int, Meta(ge=0)] | None = None
    config_hash: Annotated[str, Meta(max_length=128)] | None = None
    """SHA-256 of the configuration as canonical JSON, in hex."""
    config_rolled_back: CommandIdField | None = None
    """The `push_config` that the device has undone; null after the next that stays."""
    accepts: Annotated[list[str], Meta(max_length=64)] | None = None
    """Frames beyond version 1 that the device understands: the hub sends it no others."""
    max_frame: Annotated[int, Meta(ge=LEAST_MAX_FRAME)] | None = None
    """The longest frame that the device takes, in bytes: the hub sends it no longer one."""
    sections: Annotated[dict[SectionKind, SectionState], Meta(max_length=16)] | None = None
    """The sections of desired state that the device takes; for a device that accepts `desired`."""
    custom: OwnCommands | None = None
    """Its own commands, when `commands` names `custom`."""
    installers: Annotated[list[Name], Meta(max_length=64)] | None = None
    """The types of software that the device installs; null for one that does not say."""
    versions: Annotated[dict[Name, Name], Meta(max_length=64)] | None = None
    """What is installed of each type; of `agent` that is `agentVersion`."""
    barred: Annotated[list[Name], Meta(max_length=8)] | None = None
    """SHA-256 of artifacts that the device takes no more, because they failed on it."""
    update_source: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    """Who decides its versions: `hub`, or the address where the device looks by itself."""
    replaced: CommandIdField | None = None
    """The `update_firmware` whose trial a package of the device's own system ended; null after the
    next update."""
    unsigned: bool | None = None
    """Whether the device takes artifacts that nobody has signed."""


TakenStatus = Literal["trial", "applied", "failed", "rolled_back"]


class DesiredStatus(Frame, frozen=True, tag="desired_status", omit_defaults=True):
    """What became of a section that was handed over: again after each change."""

    kind: SectionKind
    version: SectionVersion
    hash: SectionHash
    status: TakenStatus
    restart_required: Annotated[list[str], Meta(max_length=1000)] | None = None
    error: ResultError | None = None


SessionId = Annotated[str, Meta(pattern=SESSION_ID)]


class SessionRefused(Frame, frozen=True, tag="session_refused"):
    """The device opens no such session."""

    session_id: SessionId
    code: Annotated[str, Meta(min_length=1, max_length=64)]
    message: Annotated[str, Meta(max_length=1024)] = ""


class SessionAccepted(Frame, frozen=True, tag="session_accepted"):
    """Of a forward: the device will open each connection that it is asked for."""

    session_id: SessionId


TAKEN_BY_HUBS: Final = ("desired_status", WORKLOAD_STATUS)
"""Frames beyond version 1 that this hub takes; what answers one of its own needs no naming."""

DeviceFrame = (
    Auth
    | Ping
    | Hello
    | DesiredStatus
    | Ack
    | Progress
    | Result
    | Status
    | LogLine
    | Scan
    | Print
    | Event
    | Alert
    | WorkloadStatus
    | CustomCommands
    | SessionRefused
    | SessionAccepted
)

# Hub → device.


class Welcome(Frame, frozen=True, tag="welcome"):
    """The first frame after authentication."""

    device_id: DeviceId
    session_id: str
    generation: int
    replica_id: ReplicaId
    heartbeat_seconds: int
    server_time: str
    accepts: list[str] | None = None
    """Frames beyond version 1 that this hub takes."""


class Cancel(Frame, frozen=True, tag="cancel"):
    command_id: CommandId


class ResultAck(Frame, frozen=True, tag="result_ack"):
    command_id: CommandId


class EventAck(Frame, frozen=True, tag="event_ack"):
    boot_id: str
    seq: int


class Reconnect(Frame, frozen=True, tag="reconnect"):
    after_ms: int


class Error(Frame, frozen=True, tag="error"):
    """The last frame was refused; the socket stays open. `bootId` and `seq` name a durable event
    that did not decode and counts as acknowledged, `commandId` a command."""

    code: FrameErrorCode
    message: str
    command_id: CommandId | UnsetType = UNSET
    boot_id: BootId | UnsetType = UNSET
    seq: Seq | UnsetType = UNSET


class Pong(Frame, frozen=True, tag="pong"):
    server_time: str


class AuthOk(Frame, frozen=True, tag="auth_ok"):
    """Answer to `auth` on either socket: the time until which the socket is authorised."""

    expires_at: str


ConnectionMode = Literal["VIA_LOCAL_SERVER", "DIRECT_CLOUD"]
"""Where a device sends its records of production: to the hub, or to the cloud by itself."""

DESIRED: Final = "desired"


class Desired(Frame, frozen=True, tag=DESIRED, omit_defaults=True):
    """A section of the device's desired state is another than it has: it asks for it by REST. Only
    for devices whose `hello` accepts it, and names the section."""

    kind: str
    version: str
    hash: str
    report: bool = False
    """Of `workloads`: say anew what is there."""


DESCRIBE: Final = "describe"


class Describe(Frame, frozen=True, tag=DESCRIBE):
    """Say what this is: `custom` asks for `custom_commands`. Only for devices whose `hello` accepts
    it."""

    what: str


SESSION_OPEN: Final = "session_open"
SESSION_CONNECT: Final = "session_connect"


class SessionOpen(Frame, frozen=True, tag=SESSION_OPEN):
    """Open `/ws/sessions/<sessionId>` within ten seconds, or refuse. Sent once, and only to devices
    whose `hello` accepts it."""

    session_id: str
    kind: str
    params: dict[str, Any]
    deadline: str
    """When the hub ends the session."""


class SessionConnect(Frame, frozen=True, tag=SESSION_CONNECT):
    """Open one more connection of a forward: `/ws/sessions/<sessionId>?connection=<connection>`."""

    session_id: str
    connection: str


HUB: Final = "hub"
"""The `updateSource` of a device whose versions the hub decides."""


def updates_itself(hello: Hello) -> bool:
    return hello.update_source not in (None, HUB)


def own_of(hello: Hello) -> OwnCommands | None:
    """The device's own commands, of one that can be asked what they are."""
    can = DESCRIBE in (hello.accepts or ()) and CUSTOM.name in (hello.commands or ())
    return hello.custom if can else None


def types_of(hello: Hello) -> list[str] | None:
    """The types that the device says it has, its own by their names. None: it says none, and has
    the eleven."""
    if hello.commands is None:
        return None
    own = own_of(hello)
    named = [name for name in hello.commands if name != CUSTOM.name and not is_own(name)]
    return named + [own_type(name) for name in (own.names if own else ())]


HubFrame = (
    Welcome
    | Cancel
    | ResultAck
    | EventAck
    | Reconnect
    | Error
    | Pong
    | AuthOk
    | Desired
    | Describe
    | SessionOpen
    | SessionConnect
)
