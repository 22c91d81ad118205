"""What a device reports of itself and of its production, as it arrives on the line."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.commands import Level
from protocol.ids import CommandIdField

DeviceStatus = Literal["ONLINE", "DISABLED", "DEGRADED", "ERROR"]
ShownStatus = Literal["ONLINE", "DISABLED", "DEGRADED", "ERROR", "OFFLINE"]
"""What others see: a device that is on no line is offline, whatever it said last."""
"""What a device says of itself; OFFLINE is the hub's word."""
Severity = Literal["INFO", "WARN", "CRITICAL"]

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
    severity: Severity
    code: Annotated[str, Meta(max_length=256)]
    message: Annotated[str, Meta(max_length=8192)] = ""


Telemetry = Status | LogLine | Scan | Print | Event | Alert


class DurableHead(Struct, frozen=True, kw_only=True, rename="camel"):
    """The least that names a durable event, read from one that does not decode otherwise."""

    seq: Seq
    boot_id: BootId | None = None
