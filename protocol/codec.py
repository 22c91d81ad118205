"""Where bytes meet Structs: every encoder and decoder of the wire, built once.

Input from a peer never raises anything but `InvalidMessage`. Beyond what the types say, four things
are refused anywhere in a message (msgspec refuses NaN, infinity and lone surrogates by itself):
U+0000, integers beyond 64 bits, nesting deeper than `MAX_DEPTH` (whoever handles the value later
has less stack than the decoder had), and bytes that are not UTF-8.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar, assert_never, cast, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from protocol import dashboard, native, telemetry
from protocol.commands import PARAMS, Command, Delivery, wire_type
from protocol.dashboard import DashboardEvent, DashboardFrame
from protocol.errors import InvalidMessage
from protocol.frames import DeviceFrame, HubFrame
from protocol.ids import CommandId, DeviceId
from protocol.secret_values import Values
from protocol.telemetry import MOST_AGENTS_BYTES, DurableHead, Telemetry

T = TypeVar("T")

MAX_DEPTH: Final = 256
"""Lists and objects within each other."""

_encoder: Final = Encoder()
_anything: Final[Decoder[Any]] = Decoder()
_device_frame: Final[Decoder[DeviceFrame]] = Decoder(DeviceFrame)
_dashboard_frame: Final[Decoder[DashboardFrame]] = Decoder(DashboardFrame)
_hub_frame: Final[Decoder[HubFrame]] = Decoder(HubFrame)
_durable_head: Final[Decoder[DurableHead]] = Decoder(DurableHead)


class _Head(Struct, frozen=True):
    type: str = ""


_head: Final[Decoder[_Head]] = Decoder(_Head)


def encode(message: Struct | dict[str, Any] | list[Any]) -> bytes:
    return _encoder.encode(message)


def decode_device_frame(raw: bytes) -> DeviceFrame:
    """A frame that a device sent to the hub. Raises `InvalidMessage`."""
    frame = decode(_device_frame, raw)
    if len(raw) > MOST_AGENTS_BYTES:
        _check_agents(frame)
    return frame


def _check_agents(frame: DeviceFrame) -> None:
    if not isinstance(frame, telemetry.Status) or frame.agents is UNSET:
        return
    if len(_encoder.encode(frame.agents)) > MOST_AGENTS_BYTES:
        _refuse(f"agents may have {MOST_AGENTS_BYTES} bytes")


def decode_dashboard_frame(raw: bytes) -> DashboardFrame:
    """A frame that a dashboard sent to the hub. Raises `InvalidMessage`."""
    return decode(_dashboard_frame, raw)


def decode_durable_head(raw: bytes) -> DurableHead | None:
    """`bootId` and `seq` of a frame that is refused, when those two can be read.

    As lenient as can be: a bar code with U+0000 in it must not block its device's queue for ever.
    """
    try:
        head = _durable_head.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        head = _head_of_bad_json(raw)
    return head if head is not None and "\0" not in (head.boot_id or "") else None


def _head_of_bad_json(raw: bytes) -> DurableHead | None:
    """What the standard library still reads: lone surrogates, NaN."""
    try:
        fields = json.loads(raw)
        known = {name: fields[name] for name in ("bootId", "seq") if name in fields}
        head = msgspec.convert(known, DurableHead)
        (head.boot_id or "").encode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    return head


def decode_hub_frame(raw: bytes | str) -> HubFrame | Delivery | None:
    """A frame that the hub sent to a device; None for a type that this agent does not know.

    Raises `InvalidMessage`, also for a command whose parameters do not validate: then the
    message's `field` is `command`, and `command_id_of` finds whom to answer.
    """
    data = raw.encode() if isinstance(raw, str) else raw
    kind = decode(_head, data).type
    if kind in PARAMS:
        return _delivery(kind, decode(_anything, data))
    if kind in _HUB_FRAME_TYPES:
        return decode(_hub_frame, data)
    return None


_HUB_FRAME_TYPES: Final = frozenset(kind.__struct_config__.tag for kind in get_args(HubFrame))


def _delivery(kind: str, fields: dict[str, Any]) -> Delivery:
    # Fields that this agent does not know are dropped: a newer hub may have added them.
    params = PARAMS[kind]
    known = {
        name: value for name, value in fields.items() if name in params.__struct_encode_fields__
    }
    deadline, server_time = fields.get("deadline"), fields.get("serverTime")
    try:
        command: Command = msgspec.convert({**known, "type": kind}, params)  # pyright: ignore[reportAssignmentType]
    except msgspec.ValidationError as error:
        raise InvalidMessage(str(error), "command") from None
    if not command.id:
        raise InvalidMessage("a command without an id", "command")
    return Delivery(
        id=CommandId(command.id),
        deadline=deadline if isinstance(deadline, str) else None,
        server_time=server_time if isinstance(server_time, str) else None,
        command=command,
        secrets=_values(fields.get("secrets")),
        signature=fields.get("signature"),
    )


def _values(found: object) -> Values:
    """What is not text is as good as missing."""
    if not isinstance(found, dict):
        return Values()
    members = cast("dict[str, object]", found)
    return Values({name: each for name, each in members.items() if isinstance(each, str)})


def command_id_of(raw: bytes | str) -> CommandId | None:
    """The `id` of a frame that is a JSON object with one."""
    try:
        fields = _anything.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    found: object = fields.get("id")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return CommandId(found) if isinstance(found, str) else None


def encode_command(
    kind: str,
    command_id: CommandId,
    params: dict[str, Any],
    deadline: str | None,
    server_time: str,
    secrets: Mapping[str, str] = MappingProxyType({}),
    signature: str | None = None,
) -> bytes:
    """The frame that carries a command down the line: the command itself, as in the seed, and
    beside it what its parameters name, and who has signed it, as JSON."""
    head: dict[str, object] = {
        "type": wire_type(kind),
        "id": command_id,
        "deadline": deadline,
        "serverTime": server_time,
    }
    if secrets:
        head["secrets"] = dict(secrets)
    if signature is not None:
        head["signature"] = msgspec.Raw(signature.encode())
    return _encoder.encode(head | params)


_LEAP_SECOND: Final = re.compile(rb'("ts"\s*:\s*"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)60(?=[.Zz+-])')


def decode(decoder: Decoder[T], raw: bytes) -> T:
    """Decode what a peer sent. Raises `InvalidMessage` and nothing else.

    A leap second in `ts` (RFC 3339, 5.6), which Python's clock does not have, is taken as the
    second before it.
    """
    try:
        message = outline(decoder, raw)
    except InvalidMessage:
        eased = _LEAP_SECOND.sub(rb"\g<1>59", raw)
        if eased == raw:
            raise
        message = outline(decoder, eased)
    if may_be_unstorable(raw):
        refuse_unstorable(outline(_anything, raw))
    return message


def outline(decoder: Decoder[T], raw: bytes) -> T:
    """Decode the outer shape only: what `decoder` leaves as `msgspec.Raw` is for `decode` to judge,
    part by part. Raises `InvalidMessage` and nothing else."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except msgspec.MsgspecError as error:
        raise InvalidMessage(str(error)) from None
    except UnicodeDecodeError:
        raise InvalidMessage("not UTF-8") from None
    except RecursionError:
        raise InvalidMessage("nested too deeply") from None


# A long number is found in the raw bytes in a third of a microsecond; only a hit pays for the exact
# look. Outside a string a number stands behind one of these; a bar code inside one does not.
_SHAPE: Final = bytes.maketrans(b"123456789,[- \t\r\n", b"000000000:::::::")
_LONG_NUMBER: Final = b":" + b"0" * 19


def _may_be_unstorable(raw: bytes) -> bool:
    """Whether JSON must be looked at by `refuse_unstorable`: never False for what that refuses."""
    return (
        b"\\u0000" in raw
        or _LONG_NUMBER in raw.translate(_SHAPE)
        or (len(raw) > 2 * MAX_DEPTH and raw.count(b"{") + raw.count(b"[") > MAX_DEPTH)
    )


may_be_unstorable: Final = (
    native.compiled.may_be_unstorable if native.compiled else _may_be_unstorable
)


def _invalid(error: msgspec.ValidationError) -> InvalidMessage:
    message, _, path = str(error).partition(" - at `")
    return InvalidMessage(message, path.rstrip("`").removeprefix("$").removeprefix("."))


def refuse_unstorable(value: object, *, depth: int = 0) -> None:
    """Raise `InvalidMessage` when `value`, decoded JSON, holds U+0000, an integer beyond 64 bits
    (JSON that Postgres or a 64-bit reader could not take), or is nested too deeply."""
    match value:
        case str():
            if "\0" in value:
                _refuse("U+0000 is not allowed")
        case bool():
            pass
        case int():
            if not -(2**63) <= value < 2**64:
                _refuse("an integer beyond 64 bits is not allowed")
        case list():
            _refuse_any_of(cast("list[object]", value), depth + 1)
        case dict():
            fields = cast("dict[str, object]", value)
            _refuse_any_of(chain(fields.keys(), fields.values()), depth + 1)
        case _:
            pass


def _refuse_any_of(values: Iterable[object], depth: int) -> None:
    if depth > MAX_DEPTH:
        _refuse("nested too deeply")
    for value in values:
        refuse_unstorable(value, depth=depth)


def _refuse(message: str) -> NoReturn:
    raise InvalidMessage(message)


def to_event(message: Telemetry, device_id: DeviceId, ts: str) -> DashboardEvent:
    """What dashboards see of `message`: only fields that a device may set, and the hub's own."""
    match message:
        case telemetry.Status():
            return dashboard.StatusEvent(
                device_id=device_id,
                ts=ts,
                status=message.status,
                metrics=message.metrics or {},
                agents=message.agents,
            )
        case telemetry.LogLine():
            return dashboard.LogLineEvent(
                device_id=device_id,
                ts=ts,
                line=message.line,
                level=message.level,
                source=_given(message.source),
                command_id=_given(message.command_id),
            )
        case telemetry.Scan():
            return dashboard.ScanEvent(
                device_id=device_id,
                ts=ts,
                code=message.code,
                valid=message.valid,
                data=_given(message.data),
            )
        case telemetry.Print():
            return dashboard.PrintEvent(
                device_id=device_id,
                ts=ts,
                job_id=message.job_id,
                ok=message.ok,
                data=_given(message.data),
            )
        case telemetry.Event():
            return dashboard.NamedEvent(
                device_id=device_id, ts=ts, name=message.name, data=_given(message.data)
            )
        case telemetry.Alert():
            return dashboard.AlertEvent(
                device_id=device_id,
                ts=ts,
                severity=message.severity,
                code=message.code,
                message=message.message,
                status="RESOLVED" if message.resolved is True else "FIRING",
            )
        case telemetry.WorkloadStatus():
            return dashboard.WorkloadStatusEvent(
                device_id=device_id,
                ts=ts,
                version=message.version,
                application=message.application,
                services=message.services or [],
            )
        case _:
            assert_never(message)


def _given(value: T | UnsetType | None) -> T | UnsetType:
    """A null is as good as absent."""
    return UNSET if value is None else value


def _at_offset(event: bytes, epoch: str, offset: int) -> bytes:
    """An encoded event with its place in the stream: the text frame that dashboards get."""
    return b'%b,"epoch":"%b","offset":%d}' % (event[:-1], epoch.encode(), offset)


at_offset: Final = native.compiled.at_offset if native.compiled else _at_offset


def without_output(event: bytes) -> bytes:
    """An encoded event for readers who may not see what a command wrote: neither its output, nor
    what of it the device may repeat in words (of an error, of progress)."""
    fields: dict[str, Any] = msgspec.json.decode(event)
    written = ["stage", "message"] if fields.get("type") == "command_progress" else ["output"]
    for name in written:
        if fields.get(name) is not None:
            fields[name] = "hidden"
    if fields.get("error") is not None:
        fields["error"]["message"] = "hidden"
    return _encoder.encode({**fields, "hidden": written})


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and `Z`. `moment` must be aware."""
    if moment.tzinfo is not UTC:  # what decoders give for `Z` is
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:  # within a day of the first or the last moment that there is
            moment = moment.replace(tzinfo=UTC)
    text = _encoder.encode(moment).decode()  # ten times faster than isoformat
    return f"{text[1:24]}Z" if len(text) > _WHOLE_SECOND else f"{text[1:20]}.000Z"


_WHOLE_SECOND: Final = len('"2026-01-02T03:04:05Z"')


def at(moment: datetime | None) -> str | None:
    """A time as it travels, or null."""
    return None if moment is None else rfc3339(moment)
