"""The frames of the dashboard socket, and the events as dashboards see them.

An event is encoded once, from the decoded value of what the device sent, without `epoch` and
`offset`; those two are added when the stream has given them (`codec.at_offset`).
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from protocol.commands import Level
from protocol.errors import FrameErrorCode
from protocol.frames import Auth, Frame, Ping
from protocol.ids import CommandId, DeviceId
from protocol.replies import ResultError
from protocol.telemetry import AgentReadiness, ServiceStatus, Severity, ShownStatus

EventType = Literal[
    "status",
    "log_line",
    "scan",
    "print",
    "event",
    "alert",
    "command_accepted",
    "command_progress",
    "command_result",
    "deployment",
    "workload_status",
    "record_changed",
]
GapReason = Literal["slow", "expired", "epoch", "bus"]

SubscriptionId = Annotated[str, Meta(min_length=1, max_length=64)]
MAX_SUBSCRIPTIONS: Final = 64


class Position(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in the organisation's stream."""

    epoch: Annotated[str, Meta(max_length=64)]
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Filter(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a subscription wants. Absent = all; present ones are combined with *and*, `deviceIds`
    and `groupIds` together with *or*. An empty list matches nothing."""

    id: SubscriptionId
    device_ids: Annotated[list[str], Meta(max_length=10_000)] | None = None
    group_ids: Annotated[list[str], Meta(max_length=1_000)] | None = None
    types: list[EventType] | None = None
    min_level: Level | None = None


# Dashboard → hub. Unknown fields are errors here.


class Subscribe(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    tag_field="type",
    tag="subscribe",
    forbid_unknown_fields=True,
):
    """One subscription by its own fields, or several by `subscriptions`; never both."""

    id: SubscriptionId | None = None
    device_ids: Annotated[list[str], Meta(max_length=10_000)] | None = None
    group_ids: Annotated[list[str], Meta(max_length=1_000)] | None = None
    types: list[EventType] | None = None
    min_level: Level | None = None
    since: Position | None = None
    subscriptions: Annotated[list[Filter], Meta(min_length=1, max_length=64)] | None = None


class Unsubscribe(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="unsubscribe",
    forbid_unknown_fields=True,
):
    id: SubscriptionId


class DashboardAuth(Auth, frozen=True, tag="auth", forbid_unknown_fields=True):
    pass


class DashboardPing(Ping, frozen=True, tag="ping", forbid_unknown_fields=True):
    pass


DashboardFrame = Subscribe | Unsubscribe | DashboardAuth | DashboardPing

# Hub → dashboard.


class Subscribed(Frame, frozen=True, tag="subscribed"):
    """`offset` is the position from which live events follow; `recovered` says that everything
    after `since` is about to be sent."""

    id: str
    epoch: str
    offset: int
    recovered: bool


class Unsubscribed(Frame, frozen=True, tag="unsubscribed"):
    id: str


class Gap(Frame, frozen=True, tag="gap"):
    """Events with `from` < offset ≤ `to` may be missing; null where unknown."""

    epoch: str
    after: int | None = field(name="from")
    to: int | None
    reason: GapReason


class DashboardPong(Frame, frozen=True, tag="pong"):
    server_time: str
    epoch: str
    offset: int


class StreamPosition(Frame, frozen=True, tag="position"):
    """On a stream of server-sent events, after some silence: its id is where the reader stands."""


class StreamClosed(Frame, frozen=True, tag="close"):
    """The last message of a stream of server-sent events. `code` is as on the socket; `afterMs`,
    null for who is not to come back, is how long to wait at least."""

    code: int
    after_ms: int | None


class DashboardError(Frame, frozen=True, tag="error"):
    code: FrameErrorCode
    message: str
    id: str | UnsetType = UNSET


# Events.


class EventBase(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    device_id: DeviceId
    ts: str
    epoch: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET


class StatusEvent(EventBase, frozen=True, tag="status"):
    """`connected` and `generation` are there when the hub itself says that a line opened or
    closed; consumers ignore a lower generation than they have seen. `agents` is there when it has
    changed; when a line opens, nothing is known of them."""

    status: ShownStatus
    metrics: dict[str, float] | UnsetType = UNSET
    agents: list[AgentReadiness] | UnsetType = UNSET
    connected: bool | UnsetType = UNSET
    generation: int | UnsetType = UNSET


class LogLineEvent(EventBase, frozen=True, tag="log_line"):
    line: str
    level: Level
    source: str | UnsetType = UNSET
    command_id: CommandId | UnsetType = UNSET


class ScanEvent(EventBase, frozen=True, tag="scan"):
    code: str
    valid: bool
    data: dict[str, Any] | UnsetType = UNSET


class PrintEvent(EventBase, frozen=True, tag="print"):
    job_id: str
    ok: bool
    data: dict[str, Any] | UnsetType = UNSET


class NamedEvent(EventBase, frozen=True, tag="event"):
    name: str
    data: dict[str, Any] | UnsetType = UNSET


AlertStatus = Literal["FIRING", "RESOLVED"]


class AlertEvent(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="alert"):
    """`deviceId` is null where it is about no device. `alertId` is that of the record, and absent
    of what resolves an alert that there is not."""

    device_id: DeviceId | None
    ts: str
    epoch: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET
    severity: Severity
    code: str
    message: str
    count: int | UnsetType = UNSET
    """So many alerts of this code came in one second; this is the last of them."""
    status: AlertStatus = "FIRING"
    alert_id: str | UnsetType = UNSET


class WorkloadStatusEvent(EventBase, frozen=True, tag="workload_status"):
    """What a device says of an application. `version` names what it makes; without services it has
    none of it any more."""

    version: str
    application: str
    services: list[ServiceStatus]


class CommandAcceptedEvent(EventBase, frozen=True, tag="command_accepted"):
    command_id: CommandId
    command_type: str
    status: str
    actor: str
    batch_id: str | UnsetType = UNSET


class CommandProgressEvent(EventBase, frozen=True, tag="command_progress"):
    command_id: CommandId
    percent: int | float | None
    stage: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class CommandResultEvent(EventBase, frozen=True, tag="command_result"):
    """`output` holds the first 1 KiB."""

    command_id: CommandId
    command_type: str
    status: str
    success: bool
    output: str | None
    error: ResultError | None = None


class DeploymentEvent(EventBase, frozen=True, tag="deployment"):
    """A device of a deployment took a step. `status` and `phase` are the device's; `error` is the
    code of the reason when it failed or was skipped."""

    deployment_id: str
    status: str
    phase: str | UnsetType = UNSET
    deployment_status: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


RecordKind = Literal[
    "device",
    "group",
    "user",
    "api_key",
    "role",
    "role_binding",
    "team",
    "invitation",
    "service_account",
    "settings",
    "release",
    "firmware_key",
    "config_schema",
    "configuration",
    "deployment",
    "application",
    "rollout",
    "config_map",
    "registry",
    "approval",
    "schedule",
    "alert",
    "alert_rule",
    "silence",
    "notification_channel",
]


class RecordChanged(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="record_changed"
):
    """A record was made, changed or deleted: whoever shows it reads it again. Only a subscription
    that names this type gets it. `version` is null for records that have none."""

    kind: RecordKind
    id: str
    version: int | None
    device_id: DeviceId | None
    ts: str
    epoch: str | UnsetType = UNSET
    offset: int | UnsetType = UNSET


DashboardEvent = (
    StatusEvent
    | LogLineEvent
    | ScanEvent
    | PrintEvent
    | NamedEvent
    | AlertEvent
    | WorkloadStatusEvent
    | CommandAcceptedEvent
    | CommandProgressEvent
    | CommandResultEvent
    | DeploymentEvent
    | RecordChanged
)
