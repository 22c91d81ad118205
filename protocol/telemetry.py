"""What a device reports of itself and of its production, as it arrives on the line."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from protocol.commands import WORKLOAD_NAME, Level
from protocol.ids import CommandIdField

DeviceStatus = Literal["ONLINE", "DISABLED", "DEGRADED", "ERROR"]
ShownStatus = Literal["ONLINE", "DISABLED", "DEGRADED", "ERROR", "OFFLINE"]
"""What others see: a device that is on no line is offline, whatever it said last."""
"""What a device says of itself; OFFLINE is the hub's word."""
Severity = Literal["INFO", "WARN", "CRITICAL"]
WORKLOAD_STATUS: Final = "workload_status"

Timestamp = Annotated[datetime, Meta(tz=True)]
MetricName = Annotated[str, Meta(min_length=1, max_length=128)]
Metrics = Annotated[dict[MetricName, float], Meta(max_length=64)]
BootId = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=1, le=2**63 - 1)]
MAX_LINE_BYTES: Final = 8192
LogText = Annotated[str, Meta(max_length=MAX_LINE_BYTES)]
Data = dict[str, Any]


class TelemetryBase(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """`ts` is the device's clock, absent = the hub's time of receipt.

    An event with `seq` is durable: the device keeps it until `event_ack`.
    """

    ts: Timestamp | None = None
    boot_id: BootId | None = None
    seq: Seq | None = None


class AgentReadiness(Struct, frozen=True, kw_only=True):
    """Of a program that reports to the agent of its device."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    ready: bool
    since: Timestamp
    detail: Annotated[str, Meta(max_length=4096)] | None = None


MOST_AGENTS: Final = 32
MOST_AGENTS_BYTES: Final = 8192
Agents = Annotated[list[AgentReadiness], Meta(max_length=MOST_AGENTS)]


class Status(TelemetryBase, frozen=True, tag="status"):
    """`agents`: what changed since the last that was sent on this line; all of them."""

    status: DeviceStatus
    metrics: Metrics | None = None
    agents: Agents | UnsetType = UNSET


class LogLine(TelemetryBase, frozen=True, tag="log_line"):
    line: LogText
    level: Level
    source: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    command_id: CommandIdField | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if len(self.line) > MAX_LINE_BYTES // 4 and len(self.line.encode()) > MAX_LINE_BYTES:
            raise ValueError(f"a line may have {MAX_LINE_BYTES} bytes")


class Scan(TelemetryBase, frozen=True, tag="scan"):
    code: Annotated[str, Meta(max_length=4096)]
    valid: bool
    data: Data | UnsetType | None = UNSET


class Print(TelemetryBase, frozen=True, tag="print"):
    job_id: Annotated[str, Meta(max_length=256)]
    ok: bool
    data: Data | UnsetType | None = UNSET


class Event(TelemetryBase, frozen=True, tag="event"):
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    data: Data | UnsetType | None = UNSET


class Alert(TelemetryBase, frozen=True, tag="alert"):
    """`resolved`: it is over."""

    severity: Severity
    code: Annotated[str, Meta(max_length=256)]
    message: Annotated[str, Meta(max_length=8192)] = ""
    resolved: bool | UnsetType | None = UNSET


WorkloadName = Annotated[str, Meta(pattern=f"^{WORKLOAD_NAME}$(?!\\n)")]
"""Of an application, or of a service."""
ServiceState = Literal[
    "waiting_for_hub",
    "pulling",
    "creating",
    "starting",
    "running",
    "unhealthy",
    "exited",
    "backoff",
    "error",
    "removing",
]
ServiceCode = Literal[
    "refused_by_device",
    "missing_variable",
    "conflict",
    "image_not_found",
    "registry_unavailable",
    "disk_full",
    "engine_unavailable",
    "bad_signature",
]


class ServiceStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a service of an application. An agent sends every member always, so that both sides hash
    the same."""

    service: WorkloadName
    revision: str | None
    state: ServiceState
    code: ServiceCode | None = None
    message: str | None = None
    image: str | None = None
    digest: str | None = None
    container_id: str | None = None
    restarts: int = 0
    started_at: str | None = None


class ServiceUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    cpu_percent: float
    memory_bytes: int


class WorkloadStatus(TelemetryBase, frozen=True, tag=WORKLOAD_STATUS, omit_defaults=True):
    """Of one application: durable with its `services`, and each minute with their `hash`."""

    version: str = field()
    application: WorkloadName = field()
    services: list[ServiceStatus] | UnsetType = UNSET
    hash: str | UnsetType = UNSET
    usage: dict[str, ServiceUsage] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.services is UNSET and (self.seq is not None or self.hash is UNSET):
            raise ValueError("it has services, or without seq a hash")


Telemetry = Status | LogLine | Scan | Print | Event | Alert | WorkloadStatus


class DurableHead(Struct, frozen=True, kw_only=True, rename="camel"):
    """The least that names a durable event, read from one that does not decode otherwise."""

    seq: Seq
    boot_id: BootId | None = None
