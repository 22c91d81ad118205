"""The typed commands: parameters, danger, redelivery class, default timeout. One registry.
Eleven that every agent has, and `restart_workload` of those that have workloads.

Everything that must know every command (REST bodies, OpenAPI, the agent's executors, the console's
forms) reads `COMMANDS` or matches over `Command`; a command added here makes pyright point at each
place that has to learn it.

Beside them a device may have commands of its own (`protocol.own`), which travel as the one type
`custom`. Records, rights and the audit call each of them `custom.<name>`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from protocol.ids import CommandId, CommandIdField
from protocol.secret_values import SECRET, SECRET_REFERENCE, Values, filled, references_in

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]
LEVELS: Final[tuple[Level, ...]] = ("DEBUG", "INFO", "WARN", "ERROR")

DelaySeconds = Annotated[int, Meta(ge=0, le=86_400)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]

ARTIFACT_PATH: Final = (
    r"^/api/v1/firmware/releases/[A-Za-z0-9_~:-][A-Za-z0-9._~:-]{0,127}/artifact$(?!\n)"
)
"""The one place that a device fetches from, because its token goes along."""

AGENT_TYPE: Final = "agent"
"""The type of software that a release is when nothing else is said: this agent itself."""
SoftwareType = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)")]
"""What a device calls a piece of its software, and the installer of it."""
Filename = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+()@=-][A-Za-z0-9._ +()@=-]{0,127}$(?!\n)")]
"""A file's own name: plain, never hidden, never a path."""

ReleasePath = Annotated[
    str, Meta(pattern=ARTIFACT_PATH, description="The artifact's path on the hub.")
]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Size = Annotated[int, Meta(ge=0, le=2**40)]
SignatureBase64 = Annotated[str, Meta(max_length=256)]


class CommandBase(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", forbid_unknown_fields=True
):
    """What every command has. `id` is optional in a request and always there on the wire."""

    id: CommandIdField | UnsetType = UNSET


class ForceSync(CommandBase, frozen=True, tag="force_sync"):
    """Process the offline queue now."""


class ClearQueue(CommandBase, frozen=True, tag="clear_queue"):
    """Delete pending (and, if asked, completed) rows of the offline queue."""

    include_completed: bool = False


class PullLogs(CommandBase, frozen=True, tag="pull_logs"):
    """Stream the last `lines` log lines back as `log_line` events with this command's id."""

    lines: Annotated[int, Meta(ge=1, le=10_000)] = 200
    source: Name | UnsetType = UNSET
    level: Level | UnsetType = UNSET


class RestartService(CommandBase, frozen=True, tag="restart_service"):
    """Exit gracefully; the supervisor starts the agent again."""

    delay_seconds: DelaySeconds = 0


class RebootOs(CommandBase, frozen=True, tag="reboot_os"):
    """Reboot the device's operating system."""

    delay_seconds: DelaySeconds = 0


class ShutdownOs(CommandBase, frozen=True, tag="shutdown_os"):
    """Power the device off."""

    delay_seconds: DelaySeconds = 0


class PushConfig(CommandBase, frozen=True, tag="push_config"):
    """Merge a JSON merge patch (RFC 7396) into the device's configuration."""

    patch: dict[str, Any]
    expect_version: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    confirm_seconds: Annotated[int, Meta(ge=1, le=3600)] | UnsetType = UNSET
    """How long the device may take to reach the hub afterwards; then it goes back."""


class UpdateFirmware(CommandBase, frozen=True, tag="update_firmware"):
    """Download an artifact from the hub, verify it, and install it as its type asks for."""

    release_id: Name
    version: Name
    url: ReleasePath
    sha256: Sha256
    size: Size
    signature_base64: SignatureBase64 | UnsetType = UNSET
    allow_downgrade: bool | UnsetType = UNSET
    installer: SoftwareType | UnsetType = UNSET
    """The type of the software; without it, `agent`."""
    filename: Filename | UnsetType = UNSET
    """As the artifact was uploaded."""
    force: bool | UnsetType = UNSET
    """Where the device updates itself, pin the version instead of refusing the command."""


Argument = Annotated[str, Meta(max_length=4096)]


class SecretReference(Struct, frozen=True, forbid_unknown_fields=True, rename={"secret": SECRET}):
    """Stands for a string that the hub keeps: its name, or `name/key`."""

    secret: Annotated[str, Meta(pattern=f"^{SECRET_REFERENCE}$(?!\\n)")]


class ExecShell(CommandBase, frozen=True, tag="exec_shell"):
    """Run an allow-listed template of the device; never a shell."""

    template: Name
    args: dict[str, Argument | SecretReference] = {}


WORKLOAD_NAME: Final = r"[a-z0-9][a-z0-9_-]{1,62}"
"""Of an application, or of a service."""
OWN_NAME: Final = r"[a-z][a-z0-9_-]{0,39}"
OwnName = Annotated[str, Meta(pattern=f"^{OWN_NAME}$(?!\\n)")]


class Custom(CommandBase, frozen=True, tag="custom"):
    """Run a command of the device's own, by its name."""

    name: OwnName
    args: dict[str, Any] = {}


class EnableDevice(CommandBase, frozen=True, tag="enable_device"):
    """Resume production events."""


class DisableDevice(CommandBase, frozen=True, tag="disable_device"):
    """Pause production events."""

    reason: Annotated[str, Meta(min_length=1, max_length=1024)]


class RestartWorkload(CommandBase, frozen=True, tag="restart_workload"):
    """Start the container of a service anew, once."""

    application: Annotated[str, Meta(pattern=f"^{WORKLOAD_NAME}$(?!\\n)")]
    service: Annotated[str, Meta(pattern=f"^{WORKLOAD_NAME}$(?!\\n)")]


Command = (
    ForceSync
    | ClearQueue
    | PullLogs
    | RestartService
    | RebootOs
    | ShutdownOs
    | PushConfig
    | UpdateFirmware
    | ExecShell
    | EnableDevice
    | DisableDevice
    | RestartWorkload
    | Custom
)


class Danger(StrEnum):
    NO = "no"
    MEDIUM = "medium"
    YES = "yes"
    """Asks for confirmation in the console."""


class CommandSpec(Struct, frozen=True, kw_only=True):
    """What the hub and the device must know of a command type besides its parameters."""

    name: str
    params: type[CommandBase]
    danger: Danger
    redeliverable: bool
    """Safe to deliver a second time to a device without a journal."""
    timeout_ms: int
    concurrent: bool = False
    """The agent runs it beside others; the rest run one at a time, in order."""


def _spec(
    params: type[CommandBase],
    danger: Danger,
    *,
    redeliverable: bool,
    seconds: int,
    concurrent: bool = False,
) -> CommandSpec:
    return CommandSpec(
        name=str(params.__struct_config__.tag),
        params=params,
        danger=danger,
        redeliverable=redeliverable,
        timeout_ms=seconds * 1000,
        concurrent=concurrent,
    )


COMMANDS: Final[dict[str, CommandSpec]] = {
    spec.name: spec
    for spec in (
        _spec(ForceSync, Danger.NO, redeliverable=True, seconds=15, concurrent=True),
        _spec(ClearQueue, Danger.YES, redeliverable=True, seconds=15),
        _spec(PullLogs, Danger.NO, redeliverable=True, seconds=60, concurrent=True),
        _spec(RestartService, Danger.MEDIUM, redeliverable=False, seconds=60),
        _spec(RebootOs, Danger.YES, redeliverable=False, seconds=300),
        _spec(ShutdownOs, Danger.YES, redeliverable=False, seconds=300),
        _spec(PushConfig, Danger.NO, redeliverable=True, seconds=30),
        _spec(UpdateFirmware, Danger.MEDIUM, redeliverable=True, seconds=3600),
        _spec(ExecShell, Danger.MEDIUM, redeliverable=False, seconds=60, concurrent=True),
        _spec(EnableDevice, Danger.NO, redeliverable=True, seconds=15),
        _spec(DisableDevice, Danger.YES, redeliverable=True, seconds=15),
        _spec(RestartWorkload, Danger.MEDIUM, redeliverable=False, seconds=300),
    )
}
UNNAMED_COMMANDS: Final = frozenset(COMMANDS) - {"restart_workload"}
"""What a device takes that names none: those that version 1 began with."""


CUSTOM: Final = _spec(Custom, Danger.YES, redeliverable=False, seconds=60)
"""What is taken for a device's own command where its description is not known."""
PARAMS: Final = {spec.name: spec.params for spec in (*COMMANDS.values(), CUSTOM)}
"""Of each type on the wire."""
_TAGS: Final[dict[type, str]] = {spec.params: spec.name for spec in COMMANDS.values()}
_OWN: Final = f"{CUSTOM.name}."


def type_of(command: Command) -> str:
    """As records have it."""
    return own_type(command.name) if isinstance(command, Custom) else _TAGS[type(command)]


def own_type(name: str) -> str:
    return _OWN + name


def is_own(kind: str) -> bool:
    """Whether it is the type of a device's own command."""
    return kind.startswith(_OWN)


def wire_type(kind: str) -> str:
    """The type of a record as its frame has it."""
    return CUSTOM.name if kind.startswith(_OWN) else kind


if TYPE_CHECKING:
    CommandType = str
else:
    CommandType = Annotated[
        str,
        Meta(
            pattern=rf"^({'|'.join(COMMANDS)}|custom\.{OWN_NAME})$(?!\n)",
            description="A command's type; of a device's own command `custom.` and its name.",
            extra={"takes": f"one of {', '.join(COMMANDS)}, or custom.<name>"},
        ),
    ]
"""The name of a command, where only its name is given."""


def spec_of(command: Command) -> CommandSpec:
    return CUSTOM if isinstance(command, Custom) else COMMANDS[_TAGS[type(command)]]


def timeout_of(command: Command) -> int:
    """Its time-out in milliseconds, where none is given. A configuration on trial has the time of
    its trial as well."""
    trial = 0
    if isinstance(command, PushConfig) and isinstance(command.confirm_seconds, int):
        trial = command.confirm_seconds
    return spec_of(command).timeout_ms + trial * 1000


def params_of(command: Command) -> dict[str, Any]:
    """The parameters with their defaults filled in, by wire name; without `type` and `id`."""
    fields: dict[str, Any] = msgspec.to_builtins(command)
    fields.pop("type")
    fields.pop("id", None)
    return fields


def may_name_secrets(kind: str) -> bool:
    """Whether parameters of this type hold what stands for a secret, if somebody puts it there."""
    return kind == _TAGS[ExecShell] or kind.startswith(_OWN)


def with_values(command: Command, values: Mapping[str, str]) -> Command:
    """The command as it runs; a configuration stays as it was written, because it is kept. Raises
    `SecretMissing` when one did not come along, and `msgspec.ValidationError` for a value that
    cannot stand where it is named."""
    if isinstance(command, PushConfig) or not references_in(params_of(command)):
        return command
    fields = filled(msgspec.to_builtins(command), values)
    return msgspec.convert(fields, type(command))


class Delivery(Struct, frozen=True, kw_only=True):
    """A command as it came down the line: `deadline` is hub time, in RFC 3339, and `server_time`
    what that was when it was sent."""

    id: CommandId
    deadline: str | None
    server_time: str | None = None
    command: Command
    secrets: Values = field(default_factory=Values)
    """What its parameters name, by reference."""
    signature: object = None
    """Decoded JSON, not yet judged."""
    signed_until: float | None = None
    """Once it is known that a person has signed it: when that ends, in seconds since 1970."""
