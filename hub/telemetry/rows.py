"""From a decoded event to what is stored and streamed. Pure.

COPY from text that was prepared once costs the client 0.4 µs a row; record by record it is 4 µs.
So each event becomes a line of COPY text here, and the same encoded body serves the table and the
stream.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, assert_never, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from hub.telemetry.quota import Quota
from protocol import native, telemetry
from protocol.canonical import hash_of
from protocol.codec import encode, rfc3339, to_event
from protocol.commands import LEVELS
from protocol.dashboard import AlertEvent, AlertStatus, StatusEvent, WorkloadStatusEvent
from protocol.ids import DeviceId, Generation, OrgId
from protocol.stream import StreamEvent
from protocol.telemetry import AgentReadiness, Alert, Telemetry

LEVEL_NUMBER: Final = {level: number for number, level in enumerate(LEVELS)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Source(Protocol):
    """The line that an event came from. `copy_head` is `org`, `device_id` as COPY text."""

    @property
    def copy_head(self) -> bytes: ...

    @property
    def org(self) -> OrgId: ...
    @property
    def device_id(self) -> DeviceId: ...
    @property
    def generation(self) -> Generation: ...

    kept: int
    """The number of its last event that waits or has waited for the database; 0 = none."""
    quota: Quota | None
    """Of its device; None before its first event."""

    def acknowledge(self, boot_id: str, seq: int) -> None:
        """Durable events of this start of the agent are committed up to `seq`."""
        ...


class Stamp(Struct, frozen=True, gc=False):
    """One moment of receipt."""

    micros: int
    """Since 1970."""
    text: str
    """RFC 3339 in UTC with microseconds, without the zone."""

    @property
    def wire(self) -> str:
        return self.text[:-3] + "Z"


class Stamps:
    """Moments of receipt, microseconds counted up: no two events of a replica share one, so that
    it orders the events of a device and can be a cursor."""

    def __init__(self) -> None:
        self._last = 0
        self._second = -1
        self._prefix = ""

    def next(self, now: float) -> Stamp:
        """`now` in seconds since 1970."""
        last = int(now * 1_000_000)
        if last <= self._last:
            last = self._last + 1
        self._last = last
        second = last // 1_000_000
        if second != self._second:
            self._second = second
            self._prefix = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.")
        # The digit in front keeps the zeros: cheaper than a format that pads.
        return Stamp(last, self._prefix + str(last - second * 1_000_000 + 1_000_000)[1:])


class EventRow(Struct, frozen=True, gc=False):
    """One event on its way to the database."""

    table: str
    line: bytes
    """COPY text, with the newline."""
    source: Source
    boot_id: str | None
    seq: int | None
    event: StreamEvent
    micros: int
    """When it was received, since 1970."""
    status: tuple[str, dict[str, float], list[AgentReadiness] | None] | None
    """(status, metrics, agents) of a status event; None where it does not say anything of them."""


class MarkKey(Struct, frozen=True):
    """Whose durable events a mark counts."""

    org: OrgId
    device_id: DeviceId
    boot_id: str


TABLES: Final[dict[str, str]] = {
    "status_event": "org_id, device_id, received_at, ts, status, metrics",
    "event": "org_id, device_id, received_at, ts, type, boot_id, seq, body",
    "log_line": "org_id, device_id, received_at, ts, level, source, command_id, line",
}
"""The columns of each COPY, in the order of its lines."""


def make_row(source: Source, message: Telemetry, stamp: Stamp) -> EventRow:
    """The one function that every event of every device pays for: a millionth of a second here is
    a twelfth of the whole way."""
    ts = stamp.wire if message.ts is None else rfc3339(message.ts)
    body = encode(to_event(message, source.device_id, ts))
    kind = KIND[type(message)]
    head, received = source.copy_head, stamp.text
    table, level, status = "event", "", None
    match message:
        case telemetry.Status():
            metrics = message.metrics or {}
            agents = None if message.agents is UNSET else message.agents
            table, status = "status_event", (message.status, metrics, agents)
            line = status_line(head, received, ts, message.status, encode(metrics))
        case telemetry.LogLine():
            table, level = "log_line", message.level
            program, command = message.source or None, message.command_id or None
            number = LEVEL_NUMBER[level]
            line = log_line(head, received, ts, number, program, command, message.line)
        case telemetry.Scan() | telemetry.Print() | telemetry.Event():
            line = event_line(head, received, ts, kind, message.boot_id, message.seq, body)
        case telemetry.Alert():
            level = message.severity
            line = event_line(head, received, ts, kind, message.boot_id, message.seq, body)
        case telemetry.WorkloadStatus():
            line = event_line(head, received, ts, kind, message.boot_id, message.seq, body)
        case _:
            assert_never(message)
    event = StreamEvent(source.device_id, kind, level, body)
    return EventRow(table, line, source, message.boot_id, message.seq, event, stamp.micros, status)


KIND: Final[dict[type[Telemetry], str]] = {
    kind: str(kind.__struct_config__.tag) for kind in get_args(Telemetry)
}
"""The name of each kind of event, on the wire and in the tables."""


class _Hub(Struct, eq=False):
    """The hub itself as a source: nobody waits for an acknowledgement."""

    org: OrgId
    device_id: DeviceId
    generation: Generation
    copy_head: bytes
    kept: int = 0
    quota: Quota | None = None

    def acknowledge(self, boot_id: str, seq: int) -> None: ...


def hub_row(org: OrgId, event: StatusEvent | AlertEvent, stamp: Stamp) -> EventRow:
    """What the hub itself says of a device: that a line opened or closed, which is counted apart
    from what devices send and does not touch the device's own state; or an alert."""
    device_id = event.device_id
    if device_id is None:
        raise AssertionError("what is about no device is in no table of devices")
    head = f"{org}\t{device_id}".encode()
    source = _Hub(org, device_id, Generation(0), head)
    body = encode(event)
    kind = str(event.__struct_config__.tag)
    line = event_line(head, stamp.text, event.ts, kind, None, None, body)
    counted_as = StreamEvent(device_id, "presence" if kind == "status" else kind, "", body)
    return EventRow("event", line, source, None, None, counted_as, stamp.micros, None)


ALERT: Final = KIND[Alert]


def with_event(row: EventRow, event: StreamEvent) -> EventRow:
    """The row of an event that is to be stored as this one."""
    head = row.line.removesuffix(_escaped(row.event.body) + b"\n")
    return structs.replace(row, event=event, line=b"%b%b\n" % (head, _escaped(event.body)))


class KnownAlert(Alert, frozen=True, kw_only=True, tag="alert"):
    """What a record says of it, too."""

    status: AlertStatus = "FIRING"
    alert_id: str | UnsetType = UNSET


def alert_of(row: EventRow) -> KnownAlert:
    """The alert that is in this row."""
    return structs.replace(_alert.decode(row.event.body), seq=row.seq)


_alert: Final = msgspec.json.Decoder(KnownAlert)


# Lines of COPY text, one function a table. Each takes the line's head, which is COPY text already,
# the time of receipt in UTC without its zone, the device's time, and the columns that follow. JSON
# has no raw control characters, so only its backslashes need one more.


def _event_line(
    head: bytes,
    received: str,
    ts: str,
    kind: str,
    boot_id: str | None,
    seq: int | None,
    body: bytes,
) -> bytes:
    escaped = _escaped(body)
    if seq is None and boot_id is None:
        times = received.encode(), ts.encode()
        return b"%b\t%b+00\t%b\t%b\t\\N\t\\N\t%b\n" % (head, *times, kind.encode(), escaped)
    number = "\\N" if seq is None else str(seq)
    rest = f"\t{received}+00\t{ts}\t{kind}\t{_text(boot_id)}\t{number}\t"
    return b"%b%b%b\n" % (head, rest.encode(), escaped)


def _status_line(head: bytes, received: str, ts: str, status: str, metrics: bytes) -> bytes:
    escaped = metrics.replace(b"\\", b"\\\\")
    times = received.encode(), ts.encode()
    return b"%b\t%b+00\t%b\t%b\t%b\n" % (head, *times, status.encode(), escaped)


def _log_line(
    head: bytes,
    received: str,
    ts: str,
    level: int,
    source: str | None,
    command: str | None,
    line: str,
) -> bytes:
    fields = f"{level}\t{_text(source)}\t{_text(command)}\t{_text(line)}"
    return b"%b\t%b\n" % (head, f"{received}+00\t{ts}\t{fields}".encode())


def _escaped(body: bytes) -> bytes:
    return body.replace(b"\\", b"\\\\")


def _text(value: str | None) -> str:
    if value is None:
        return "\\N"
    if value.isprintable() and "\\" not in value:
        return value
    return (
        value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    )


event_line: Final = native.compiled.event_line if native.compiled else _event_line
status_line: Final = native.compiled.status_line if native.compiled else _status_line
log_line: Final = native.compiled.log_line if native.compiled else _log_line


def lines_of(rows: list[EventRow]) -> list[Source]:
    """The lines that sent the rows, each once; what the hub itself says comes from none."""
    return [source for source in {row.source for row in rows} if type(source) is not _Hub]


def fenced(rows: list[EventRow], superseded: Collection[Source]) -> list[EventRow]:
    """The rows without what superseded lines sent. It is not stored; what is durable in it is not
    acknowledged, so that its device sends it again on its newer line."""
    return [row for row in rows if row.source not in superseded] if superseded else rows


def split_new(rows: list[EventRow], marks: dict[MarkKey, int]) -> list[EventRow]:
    """The rows that were not stored before. Moves `marks` past the durable events among them.

    The hub commits durable events in the order of their `seq`; one at or below the mark is there.
    """
    new: list[EventRow] = []
    for row in rows:
        if row.seq is not None and row.boot_id is not None:
            place = place_of(row)
            if row.seq <= marks.get(place, 0):
                continue
            marks[place] = row.seq
        new.append(row)
    return new


def place_of(row: EventRow) -> MarkKey:
    return MarkKey(row.source.org, row.source.device_id, row.boot_id or "")


def places_of(rows: list[EventRow]) -> list[MarkKey]:
    found = {place_of(row) for row in rows if row.seq is not None}
    return sorted(found, key=lambda place: (place.org, place.device_id, place.boot_id))


def acknowledgements(rows: list[EventRow]) -> list[tuple[Source, str, int]]:
    """(line, bootId, highest seq) of the durable events among the rows."""
    highest: dict[tuple[int, str], tuple[Source, str, int]] = {}
    for row in rows:
        if row.seq is None or row.boot_id is None:
            continue
        key = (id(row.source), row.boot_id)
        seq = max(row.seq, highest[key][2]) if key in highest else row.seq
        highest[key] = (row.source, row.boot_id, seq)
    return list(highest.values())


LateMetrics = tuple[OrgId, DeviceId, datetime, dict[str, float]]


def late_metrics(rows: list[EventRow], before: int) -> list[LateMetrics]:
    """The metrics of status events that were received before `before` (microseconds)."""
    return [
        (row.source.org, row.source.device_id, moment_of(row), row.status[1])
        for row in rows
        if row.status is not None and row.micros < before and row.status[1]
    ]


LatestState = tuple[OrgId, DeviceId, Generation, str, dict[str, float], str | None, datetime]
"""(…, status, metrics, agents as JSON, when it was received)"""


def latest_states(rows: list[EventRow]) -> list[LatestState]:
    """The last status of each line among the rows, with the last that it said of its programs,
    sorted by device."""
    latest: dict[tuple[OrgId, DeviceId, Generation], EventRow] = {}
    agents: dict[tuple[OrgId, DeviceId, Generation], str] = {}
    for row in rows:
        if row.status is None:
            continue
        line = (row.source.org, row.source.device_id, row.source.generation)
        latest[line] = row
        if row.status[2] is not None:
            agents[line] = encode(row.status[2]).decode()
    return [
        (*line, *row.status[:2], agents.get(line), moment_of(row))
        for line, row in sorted(latest.items())
        if row.status is not None
    ]


def moment_of(row: EventRow) -> datetime:
    """When it was received."""
    return _EPOCH + timedelta(microseconds=row.micros)


_workload: Final = msgspec.json.Decoder(WorkloadStatusEvent)
_OF_WORKLOADS: Final = KIND[telemetry.WorkloadStatus]
_FIGURES: Final = ("restarts", "startedAt")


def latest_workloads(rows: list[EventRow]) -> list[dict[str, Any]]:
    """What was said last of each application among the rows."""
    latest: dict[tuple[OrgId, DeviceId, str], dict[str, Any]] = {}
    for row in rows:
        if row.event.type != _OF_WORKLOADS:
            continue
        said = _workload.decode(row.event.body)
        services: list[dict[str, Any]] = msgspec.to_builtins(said.services)
        whole = [_without(each, _FIGURES) for each in services]
        latest[row.source.org, row.source.device_id, said.application] = {
            "org_id": row.source.org,
            "device_id": row.source.device_id,
            "application": said.application,
            "version": said.version,
            "services": services,
            "hash": hash_of(whole),
            "bare_hash": hash_of([_without_nulls(each) for each in whole]),
            "observed_at": moment_of(row),
        }
    return list(latest.values())


def _without(fields: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
