"""Every frame of the wire there and back, and everything that must be refused."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import codec, dashboard, frames, replies, telemetry
from protocol.commands import COMMANDS, Custom, Delivery
from protocol.errors import InvalidMessage
from protocol.ids import CommandId, DeviceId, ReplicaId
from tests.twins import each_twin

__all__ = ["each_twin"]  # all run with both

TS = "2026-01-02T03:04:05.678Z"
COMMAND = CommandId("c-1")

DEVICE_FRAMES: list[dict[str, Any]] = [
    {"type": "auth", "token": "t"},
    {"type": "ping"},
    {
        "type": "hello", "bootId": "b", "agentVersion": "1", "journalId": "j",
        "commands": ["force_sync"], "unfinished": ["c-1"], "configVersion": 3,
        "accepts": ["desired"], "sections": {"mode": {"version": "1", "hash": "a"}},
        "custom": {"hash": "h", "names": ["calibrate"]},
        "installers": ["agent", "plc"], "versions": {"plc": "1.2.3"}, "barred": ["a" * 64],
        "unsigned": False,
    },
    {
        "type": "desired_status", "kind": "config", "version": "7", "hash": "a",
        "status": "failed", "restartRequired": ["a.b"], "error": {"code": "c", "message": "m"},
    },
    {"type": "ack", "commandId": "c-1"},
    {"type": "progress", "commandId": "c-1", "percent": 40.5, "stage": "s", "message": "m"},
    {
        "type": "result", "commandId": "c-1", "success": False, "output": "o", "data": {"n": 1},
        "error": {"code": "c", "message": "m"}, "outcome": "rejected",
    },
    {"type": "status", "status": "ONLINE", "ts": TS, "metrics": {"cpu": 0.5}},
    {
        "type": "status", "status": "DEGRADED",
        "agents": [
            {"name": "a", "ready": False, "since": "2026-01-02T03:04:05Z", "detail": "d"}
        ],
    },
    {"type": "log_line", "line": "l", "level": "WARN", "ts": TS, "source": "s", "commandId": "c"},
    {"type": "scan", "code": "010", "valid": True, "ts": TS, "data": {"a": None}},
    {"type": "print", "jobId": "j", "ok": False, "ts": TS, "data": {}},
    {"type": "event", "name": "n", "ts": TS, "data": {"a": [1, "x"]}, "bootId": "b", "seq": 7},
    {"type": "alert", "severity": "CRITICAL", "code": "hot", "message": "m", "ts": TS},
    {
        "type": "alert", "severity": "INFO", "code": "hot", "message": "m", "ts": TS,
        "resolved": True,
    },
    {
        "type": "workload_status", "version": "v", "application": "web", "bootId": "b", "seq": 8,
        "services": [
            {
                "service": "httpd", "revision": "r", "state": "error", "code": "conflict",
                "message": "m", "image": "i", "digest": "d", "containerId": "c", "restarts": 2,
                "startedAt": TS,
            },
        ],
    },
    {
        "type": "workload_status", "version": "v", "application": "web", "hash": "h",
        "usage": {"httpd": {"cpuPercent": 1.5, "memoryBytes": 7}},
    },
    {
        "type": "custom_commands", "hash": "h",
        "commands": [{
            "name": "calibrate", "title": "t", "danger": "no", "redeliver": True, "timeoutMs": 5,
            "schema": {"type": "object"},
        }],
    },
    {"type": "session_refused", "sessionId": "s-1", "code": "not_allowed", "message": "m"},
    {"type": "session_accepted", "sessionId": "s-1"},
]  # fmt: skip

HUB_FRAMES: list[msgspec.Struct] = [
    frames.Welcome(
        device_id=DeviceId("d"), session_id="s", generation=2, replica_id=ReplicaId("r"),
        heartbeat_seconds=10, server_time=TS,
    ),
    frames.Cancel(command_id=COMMAND),
    frames.ResultAck(command_id=COMMAND),
    frames.EventAck(boot_id="b", seq=2**63 - 1),
    frames.Reconnect(after_ms=1500),
    frames.Error(code=frames.FrameErrorCode.INVALID_FRAME, message="m", boot_id="b", seq=7),
    frames.Pong(server_time=TS),
    frames.AuthOk(expires_at=TS),
    frames.Desired(kind="mode", version="3", hash="0" * 64),
    frames.Describe(what="custom"),
    frames.SessionOpen(session_id="s", kind="shell", params={"tty": True}, deadline=TS),
    frames.SessionConnect(session_id="s", connection="c"),
]  # fmt: skip

PARAMS: dict[str, dict[str, Any]] = {
    "push_config": {"patch": {"a": {"b": None}}, "expectVersion": 3},
    "pull_logs": {"lines": 5, "source": "app", "level": "ERROR"},
    "exec_shell": {"template": "t", "args": {"a": "b"}},
    "disable_device": {"reason": "r"},
    "restart_workload": {"application": "web", "service": "httpd"},
    "update_firmware": {
        "releaseId": "r", "version": "1", "sha256": "0" * 64, "size": 1,
        "url": "/api/v1/firmware/releases/r/artifact",
    },
}  # fmt: skip

DASHBOARD_FRAMES: list[dict[str, Any]] = [
    {
        "type": "subscribe", "id": "s", "deviceIds": ["d"], "groupIds": [], "types": ["alert"],
        "minLevel": "WARN", "since": {"epoch": "e", "offset": 2**63 - 1},
    },
    {"type": "subscribe", "subscriptions": [{"id": "a"}, {"id": "b", "types": []}]},
    {"type": "unsubscribe", "id": "s"},
    {"type": "auth", "token": "t"},
    {"type": "ping"},
]  # fmt: skip


def raw(frame: object) -> bytes:
    return json.dumps(frame).encode()


@pytest.mark.parametrize("frame", DEVICE_FRAMES, ids=lambda f: f["type"])
def test_device_frames_there_and_back(frame: dict[str, Any]) -> None:
    decoded = codec.decode_device_frame(raw(frame))
    again = json.loads(codec.encode(decoded))
    for name, value in frame.items():
        assert name == "ts" or again[name] == value
    assert codec.decode_device_frame(codec.encode(decoded)) == decoded


def test_every_device_frame_was_tried() -> None:
    kinds = {str(kind.__struct_config__.tag) for kind in frames.DeviceFrame.__args__}
    assert {frame["type"] for frame in DEVICE_FRAMES} == kinds
    assert {type(frame) for frame in HUB_FRAMES} == set(frames.HubFrame.__args__)
    kinds = {str(kind.__struct_config__.tag) for kind in dashboard.DashboardFrame.__args__}
    assert {frame["type"] for frame in DASHBOARD_FRAMES} == kinds


@pytest.mark.parametrize("frame", HUB_FRAMES, ids=lambda f: type(f).__name__)
def test_hub_frames_there_and_back(frame: msgspec.Struct) -> None:
    encoded = codec.encode(frame)
    assert codec.decode_hub_frame(encoded) == frame
    assert codec.decode_hub_frame(encoded.decode()) == frame


NOW = "2026-01-02T03:04:00.000Z"


@pytest.mark.parametrize("kind", COMMANDS)
def test_commands_there_and_back(kind: str) -> None:
    encoded = codec.encode_command(kind, COMMAND, PARAMS.get(kind, {}), TS, NOW)
    assert json.loads(encoded) == {
        "type": kind, "id": "c-1", "deadline": TS, "serverTime": NOW, **PARAMS.get(kind, {}),
    }  # fmt: skip
    newer = {**json.loads(encoded), "fieldOfANewerHub": 1}
    for sent in (encoded, raw(newer)):
        found = codec.decode_hub_frame(sent)
        assert isinstance(found, Delivery)
        assert (found.id, found.deadline, found.server_time) == (COMMAND, TS, NOW)
        assert isinstance(found.command, COMMANDS[kind].params)


def test_a_devices_own_command_travels_as_custom() -> None:
    params: dict[str, Any] = {"name": "calibrate", "args": {"axis": "x"}}
    encoded = codec.encode_command("custom.calibrate", COMMAND, params, TS, NOW)
    assert json.loads(encoded) == {
        "type": "custom", "id": "c-1", "deadline": TS, "serverTime": NOW, **params,
    }  # fmt: skip
    found = codec.decode_hub_frame(encoded)
    assert isinstance(found, Delivery)
    assert found.command == Custom(id=COMMAND, name="calibrate", args={"axis": "x"})


def test_a_type_from_the_future_is_none_and_a_bad_command_names_whom_to_answer() -> None:
    assert codec.decode_hub_frame(b'{"type":"from_the_future"}') is None
    assert codec.decode_hub_frame(b"{}") is None
    for bad in (
        {"type": "pull_logs", "id": "c", "lines": 0},
        {"type": "force_sync"},
        {"type": "force_sync", "id": "a b"},
    ):
        with pytest.raises(InvalidMessage) as caught:
            codec.decode_hub_frame(raw(bad))
        assert caught.value.field == "command"
    no_deadline = codec.decode_hub_frame(b'{"type":"force_sync","id":"c","deadline":5}')
    assert isinstance(no_deadline, Delivery)
    assert no_deadline.deadline is None


def test_the_id_of_whatever_is_an_object() -> None:
    assert codec.command_id_of('{"id":"c"}') == "c"
    for text in ('{"id":5}', "[]", "nonsense", "5", "[" * 100_000, b"\xff"):
        assert codec.command_id_of(text) is None


@pytest.mark.parametrize("frame", DASHBOARD_FRAMES, ids=lambda f: f["type"])
def test_dashboard_frames_decode_and_take_no_unknown_field(frame: dict[str, Any]) -> None:
    decoded = codec.decode_dashboard_frame(raw(frame))
    assert codec.decode_dashboard_frame(codec.encode(decoded)) == decoded
    with pytest.raises(InvalidMessage):
        codec.decode_dashboard_frame(raw({**frame, "surprise": 1}))


def test_of_device_frames_unknown_fields_are_ignored() -> None:
    found = codec.decode_device_frame(b'{"type":"ping","deviceId":"forged","offset":5}')
    assert found == frames.Ping()


def test_of_duplicate_keys_the_last_wins() -> None:
    found = codec.decode_device_frame(b'{"type":"ack","commandId":"first","commandId":"last"}')
    assert found == replies.Ack(command_id=CommandId("last"))


DIGITS = "9" * 5000
HOSTILE = [
    b"", b"null", b"5", b"[]", b"{}", b'"text"', b"{", b'{"type":"no_such"}', b'{"type":5}',
    b'{"type":"ping"} trailing', b"\xff\xfe", b'{"type":"event","name":"\xff"}',
    b'{"type":"event","name":"a\\u0000b"}',
    b'{"type":"event","name":"a\x00b"}',
    b'{"type":"event","name":"n","data":{"a\\u0000":1}}',
    b'{"type":"event","name":"n","data":{"a":[{"b":"\\u0000"}]}}',
    b'{"type":"event","name":"n","unknown":"\\u0000"}',
    b'{"type":"event","name":"n","unknown\\u0000":1}',
    b'{"type":"event","name":"n","data":{"n":NaN}}',
    b'{"type":"event","name":"n","data":{"n":Infinity}}',
    b'{"type":"event","name":"n","data":{"n":-Infinity}}',
    b'{"type":"event","name":"n","data":{"n":1e999}}',
    b'{"type":"event","name":"n","data":{"n":18446744073709551616}}',
    b'{"type":"event","name":"n","data":{"n":-9223372036854775809}}',
    b'{"type":"event","name":"n","data":[18446744073709551616]}',
    b'{"type":"event","name":"n","data":{"n":[1, 18446744073709551616]}}',
    b'{"type":"event","name":"n","data":{"n":\n18446744073709551616}}',
    b'{"type":"event","name":"n","unknown":18446744073709551616}',
    b'{"type":"event","name":"n","data":{"n":%s}}' % DIGITS.encode(),
    b'{"type":"event","name":"n","data":{"n":-%s}}' % DIGITS.encode(),
    b'{"type":"event","name":"n","data":{"s":"\\ud800"}}',
    b'{"type":"event","name":"n","data":{"s":"\\udc00\\ud800"}}',
    b'{"type":"event","name":"n","unknown":"\\ud800"}',
    b'{"type":"event","name":"n","data":{"d":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    b'{"type":"event","name":"n","data":' + b'{"a":' * 300 + b"1" + b"}" * 301,
    b'{"type":"event","name":"n","data":{"d":' + b"[" * 300 + b"]" * 300 + b"}}",
    b"[" * 100_000,
    b'{"type":"event","name":""}',
    b'{"type":"event","name":"n","seq":0}',
    b'{"type":"event","name":"n","seq":9223372036854775808}',
    b'{"type":"event","name":"n","seq":1.5}',
    b'{"type":"event","name":"n","ts":"2026-01-02T03:04:05"}',
    b'{"type":"event","name":"n","ts":5}',
    b'{"type":"status","status":"OFFLINE"}',
    b'{"type":"status","status":"ONLINE","metrics":{"cpu":"high"}}',
    b'{"type":"log_line","level":"INFO","line":"' + b"x" * 8193 + b'"}',
    b'{"type":"progress","commandId":"c","percent":101}',
    b'{"type":"ack","commandId":"a b"}',
    b'{"type":"ack","commandId":"a\\n"}',
    b'{"type":"result","commandId":"c"}',
    b'{"type":"result","commandId":"c","success":1}',
    b'{"type":"result","commandId":"c","success":false,"outcome":"odd"}',
    b'{"type":"hello"}',
]  # fmt: skip


@pytest.mark.parametrize("message", HOSTILE, ids=lambda m: repr(m[:60]))
def test_hostile_frames_are_refused(message: bytes) -> None:
    with pytest.raises(InvalidMessage):
        codec.decode_device_frame(message)


def test_programs_have_8_kib_at_most() -> None:
    agents = [{"name": f"a{n}", "ready": True, "since": TS, "detail": "x" * 150} for n in range(32)]
    status: dict[str, Any] = {"type": "status", "status": "ONLINE", "agents": agents}
    status["metrics"] = {f"m{n}": 1.0 for n in range(64)}
    assert len(raw(status)) > 8192
    codec.decode_device_frame(raw(status))
    for agent in agents:
        agent["detail"] = "x" * 250
    with pytest.raises(InvalidMessage, match="8192"):
        codec.decode_device_frame(raw(status))


def test_at_most_64_metrics() -> None:
    metrics = {f"m{n}": 1.0 for n in range(64)}
    codec.decode_device_frame(raw({"type": "status", "status": "ONLINE", "metrics": metrics}))
    metrics["one more"] = 1.0
    with pytest.raises(InvalidMessage):
        codec.decode_device_frame(raw({"type": "status", "status": "ONLINE", "metrics": metrics}))


@pytest.mark.parametrize(
    "data",
    [
        {"n": 2**64 - 1},
        {"n": -(2**63)},
        {"n": 0.1234567890123456789012},
        {"s": DIGITS},
        {"s": "\\u0000 as text: " + "\\" + "u0000"},
        {"list": [[[True, None, False]]], "n": 10**18},
        {"wide": [[1]] * 1000},
    ],
)
def test_what_only_looks_hostile_is_taken(data: dict[str, Any]) -> None:
    found = codec.decode_device_frame(raw({"type": "event", "name": "n", "data": data}))
    assert isinstance(found, telemetry.Event)
    assert found.data == data


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(InvalidMessage) as caught:
        codec.decode_device_frame(b'{"type":"hello","bootId":"b","unfinished":["ok","a b"]}')
    assert caught.value.field == "unfinished[1]"
    assert str(caught.value) == caught.value.message != ""


def test_the_head_of_a_durable_event() -> None:
    head = codec.decode_durable_head(b'{"type":"event","name":"","bootId":"b","seq":9}')
    assert head == telemetry.DurableHead(seq=9, boot_id="b")
    head = codec.decode_durable_head(b'{"seq":9}')
    assert head == telemetry.DurableHead(seq=9)
    for bad in (b"{}", b'{"seq":0}', b"nonsense", b"[1]", b'{"seq":9,"bootId":"\\u0000"}'):
        assert codec.decode_durable_head(bad) is None


@pytest.mark.parametrize(
    "value",
    [b'"\\u0000GS"', b'"\\ud800"', b"NaN", b"1" * 30, b"1e999", b"[" * 900 + b"]" * 900],
)
def test_the_head_of_a_durable_event_is_read_beside_a_value_that_is_refused(value: bytes) -> None:
    head = codec.decode_durable_head(b'{"code":' + value + b',"bootId":"b","seq":9}')
    assert head == telemetry.DurableHead(seq=9, boot_id="b")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_else(message: bytes) -> None:
    for decode in (
        codec.decode_device_frame,
        codec.decode_dashboard_frame,
        codec.decode_hub_frame,
    ):
        with contextlib.suppress(InvalidMessage):
            decode(message)
    codec.decode_durable_head(message)
    codec.command_id_of(message)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


def is_storable(value: object) -> bool:
    """The rule, told naively."""
    match value:
        case str():
            return "\0" not in value and all(not 0xD800 <= ord(c) < 0xE000 for c in value)
        case bool():
            return True
        case int():
            return -(2**63) <= value < 2**64
        case list():
            return all(map(is_storable, cast("list[object]", value)))
        case dict():
            fields = cast("dict[str, object]", value)
            return all(map(is_storable, [*fields.keys(), *fields.values()]))
        case _:
            return True


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_any_json_is_refused_exactly_when_it_cannot_be_stored(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    frame = {"type": "event", "name": "n", "data": {"value": value}}
    text = json.dumps(frame, indent=indent, ensure_ascii=ascii_only)
    try:
        found = codec.decode_device_frame(text.encode())
    except InvalidMessage:
        assert not is_storable(value)
    else:
        assert is_storable(value)
        assert isinstance(found, telemetry.Event)


# Events as dashboards see them


@pytest.mark.parametrize("frame", [f for f in DEVICE_FRAMES if "ts" in f], ids=lambda f: f["type"])
def test_an_event_holds_what_a_device_may_set_and_what_only_the_hub_may(
    frame: dict[str, Any],
) -> None:
    message = codec.decode_device_frame(raw({**frame, "deviceId": "forged", "epoch": "forged"}))
    assert isinstance(message, telemetry.TelemetryBase)
    event = codec.to_event(message, DeviceId("d1"), TS)  # pyright: ignore[reportArgumentType]
    fields = json.loads(codec.encode(event))
    wanted = {name: value for name, value in frame.items() if name not in ("bootId", "seq")}
    if wanted["type"] == "alert":
        wanted["status"] = "RESOLVED" if wanted.pop("resolved", False) else "FIRING"
    assert fields == {**wanted, "deviceId": "d1", "ts": TS}
    placed = json.loads(codec.at_offset(codec.encode(event), "e1", 42))
    assert placed == {**fields, "epoch": "e1", "offset": 42}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T22:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "0001-01-01T00:00:00.000Z"),
        (
            datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))),
            "9999-12-31T23:00:00.000Z",
        ),
    ],
)
def test_moments_travel_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert codec.rfc3339(moment) == text


def test_a_log_line_is_bounded_in_bytes() -> None:
    def frame(line: str) -> bytes:
        return codec.encode({"type": "log_line", "level": "INFO", "line": line})

    assert codec.decode_device_frame(frame("x" * 8192))
    for line in ("x" * 8193, "é" * 4097):
        with pytest.raises(InvalidMessage):
            codec.decode_device_frame(frame(line))


@pytest.mark.parametrize(
    ("ts", "taken"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
        ("2016-12-31T15:59:60.25-08:00", "2016-12-31T23:59:59.25+00:00"),
    ],
)
def test_a_leap_second_is_taken_as_the_second_before(ts: str, taken: str) -> None:
    found = codec.decode_device_frame(raw({"type": "event", "name": "n", "ts": ts}))
    assert isinstance(found, telemetry.Event)
    assert found.ts == datetime.fromisoformat(taken)


@pytest.mark.parametrize("ts", ["2016-12-31T23:59:61Z", "2016-12-31T23:60:60Z"])
def test_no_other_moment_that_there_is_not_is_taken(ts: str) -> None:
    with pytest.raises(InvalidMessage):
        codec.decode_device_frame(raw({"type": "event", "name": "n", "ts": ts}))


def test_an_event_without_output_has_none_to_hide() -> None:
    shown = codec.without_output(b'{"type":"command_result","output":null}')
    assert json.loads(shown) == {
        "type": "command_result", "output": None, "hidden": ["output"],
    }  # fmt: skip


def test_an_event_repeats_in_no_words_what_a_command_wrote() -> None:
    failed = b'{"type":"command_result","output":"s3cret","error":{"code":"x","message":"s3cret"}}'
    assert json.loads(codec.without_output(failed)) == {
        "type": "command_result", "output": "hidden", "hidden": ["output"],
        "error": {"code": "x", "message": "hidden"},
    }  # fmt: skip
    progress = b'{"type":"command_progress","percent":5,"message":"s3cret","stage":"s3cret"}'
    assert json.loads(codec.without_output(progress)) == {
        "type": "command_progress", "percent": 5, "message": "hidden", "stage": "hidden",
        "hidden": ["stage", "message"],
    }  # fmt: skip
    silent = json.loads(codec.without_output(b'{"type":"command_progress","percent":5}'))
    assert silent.keys() == {"type", "percent", "hidden"}


def test_a_signature_goes_beside_its_command_unchanged() -> None:
    signature = '{"kind":"ed25519","params":{"n":1.0},"later":[1]}'
    encoded = codec.encode_command("reboot_os", COMMAND, {}, TS, NOW, signature=signature)
    assert f'"signature":{signature}'.encode() in encoded
    found = codec.decode_hub_frame(encoded)
    assert isinstance(found, Delivery)
    assert found.signature == {"kind": "ed25519", "params": {"n": 1.0}, "later": [1]}
    assert b"signature" not in codec.encode_command("reboot_os", COMMAND, {}, TS, NOW)
