import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from hub.telemetry.rows import (
    TABLES,
    EventRow,
    MarkKey,
    Source,
    Stamps,
    acknowledgements,
    alert_of,
    fenced,
    hub_row,
    late_metrics,
    latest_states,
    latest_workloads,
    lines_of,
    make_row,
    place_of,
    places_of,
    split_new,
    with_event,
)
from protocol.canonical import hash_of
from protocol.codec import decode_device_frame
from protocol.dashboard import AlertEvent, StatusEvent
from protocol.ids import DEFAULT_ORG, DeviceId
from protocol.telemetry import LogLine, Telemetry, TelemetryBase
from tests.factories import make_line
from tests.twins import each_twin

__all__ = ["each_twin"]  # all run with both

LINE = make_line()


def message(type_: str, /, **fields: Any) -> Telemetry:
    found = decode_device_frame(json.dumps({"type": type_, **fields}).encode())
    assert isinstance(found, TelemetryBase)
    return found  # pyright: ignore[reportReturnType]


def row(line: Source = LINE, type_: str = "event", /, **fields: Any) -> EventRow:
    return make_row(line, message(type_, **fields), Stamps().next(1000.0))


def durable(seq: int, boot_id: str = "b", source: Source = LINE) -> EventRow:
    return row(source, name="n", seq=seq, bootId=boot_id)


def copied(line: bytes) -> list[str | None]:
    """A line of COPY text as Postgres reads it."""
    assert line.endswith(b"\n")
    unescaped = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
    fields = line.decode().removesuffix("\n").split("\t")
    return [
        None if field == "\\N" else re.sub(r"\\.", lambda found: unescaped[found[0]], field)
        for field in fields
    ]


TRICKY = 'a\tb\\N\\.\r\n\\t"é\u2028\x01'


@pytest.mark.parametrize(
    ("type_", "fields", "table", "level"),
    [
        ("status", {"status": "ERROR", "metrics": {TRICKY: 1.5}}, "status_event", ""),
        ("log_line", {"line": TRICKY, "level": "WARN"}, "log_line", "WARN"),
        ("log_line", {"line": "", "level": "INFO", "source": "s", "commandId": "c"}, "log_line",
         "INFO"),
        ("scan", {"code": TRICKY, "valid": True, "data": {TRICKY: [TRICKY]}}, "event", ""),
        ("print", {"jobId": "\\N", "ok": False}, "event", ""),
        ("event", {"name": TRICKY, "seq": 7, "bootId": TRICKY}, "event", ""),
        ("alert", {"severity": "CRITICAL", "code": "c", "message": TRICKY}, "event", "CRITICAL"),
    ],
)  # fmt: skip
def test_each_kind_has_a_table_a_level_and_as_many_fields_as_columns(
    type_: str, fields: dict[str, Any], table: str, level: str
) -> None:
    found = row(LINE, type_, **fields)
    assert (found.table, found.event.level, found.event.type) == (table, level, type_)
    columns = TABLES[table].split(", ")
    stored = dict(zip(columns, copied(found.line), strict=True))
    assert stored["org_id"] == "default"
    assert stored["device_id"] == found.event.device_id == "d1"
    body = json.loads(found.event.body)
    match table:
        case "event":
            assert json.loads(stored["body"] or "") == body
            assert stored["type"] == type_
            assert stored["seq"] == (str(fields["seq"]) if "seq" in fields else None)
            assert stored["boot_id"] == fields.get("bootId")
        case "status_event":
            assert json.loads(stored["metrics"] or "") == fields["metrics"]
            assert found.status == ("ERROR", fields["metrics"], None)
            assert found.micros == 1_000_000_000
        case _:
            assert stored["line"] == fields["line"]
            assert stored["level"] == str(["DEBUG", "INFO", "WARN", "ERROR"].index(level))
            assert stored["source"] == fields.get("source")
            assert stored["command_id"] == fields.get("commandId")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_any_text_comes_back_from_copy(text: str) -> None:
    found = make_row(LINE, LogLine(line=text, level="INFO", source=text), Stamps().next(0.0))
    assert copied(found.line)[-1] == text
    assert copied(found.line)[-3] == (text or None)


def test_presence_is_an_event_of_the_hub_itself() -> None:
    event = StatusEvent(
        device_id=DeviceId("d"), ts=WIRE, status="OFFLINE", connected=False, generation=7
    )

    found = hub_row(DEFAULT_ORG, event, Stamps().next(1000.0))

    assert found.table == "event"
    fields = copied(found.line)
    assert len(fields) == len(TABLES["event"].split(", "))
    assert fields[:2] == [DEFAULT_ORG, "d"]
    assert fields[3:7] == [WIRE, "status", None, None]
    assert json.loads(fields[7] or "") == {
        "type": "status", "deviceId": "d", "ts": WIRE, "status": "OFFLINE", "connected": False,
        "generation": 7,
    }  # fmt: skip
    assert (found.seq, found.status, found.event.type) == (None, None, "presence")
    assert latest_states([found]) == []
    assert acknowledgements([found]) == []


WIRE = "2026-01-02T03:04:05.678Z"


def test_without_ts_the_time_of_receipt_is_taken() -> None:
    assert copied(row(name="n").line)[2:4] == [
        "1970-01-01T00:16:40.000000+00", "1970-01-01T00:16:40.000Z",
    ]  # fmt: skip
    assert copied(row(name="n", ts="2026-01-02T03:04:05+01:00").line)[3] == (
        "2026-01-02T02:04:05.000Z"
    )


def test_no_two_stamps_are_equal_and_they_never_go_back() -> None:
    stamps = Stamps()
    found = [stamps.next(now) for now in (5.0, 5.0, 5.9999999, 4.0, 6.0)]
    moments = [stamp.micros for stamp in found]
    assert moments == sorted(set(moments))
    assert [stamp.text for stamp in found] == sorted({stamp.text for stamp in found})
    assert found[-1].wire == "1970-01-01T00:00:06.000Z"
    for stamp in found:
        assert datetime.fromisoformat(stamp.text + "+00:00").timestamp() * 1_000_000 == stamp.micros


def test_g4_durable_events_at_or_below_the_mark_are_left_out() -> None:
    rows = [durable(1), durable(2), durable(4), durable(4), durable(3), row(name="free")]
    marks = {MarkKey(DEFAULT_ORG, DeviceId("d1"), "b"): 1}
    new = split_new(rows, marks)
    assert [found.seq for found in new] == [2, 4, None]
    assert marks == {MarkKey(DEFAULT_ORG, DeviceId("d1"), "b"): 4}


def test_g6_what_superseded_lines_send_does_not_count_with_or_without_seq() -> None:
    newer = make_line(generation=2)
    event = StatusEvent(
        device_id=DeviceId("d1"), ts=WIRE, status="OFFLINE", connected=False, generation=1
    )
    said = hub_row(DEFAULT_ORG, event, Stamps().next(1.0))
    rows = [durable(1), durable(1, source=newer), row(name="free"), said]
    assert {line.generation for line in lines_of(rows)} == {1, 2}
    assert len(lines_of(rows)) == 2
    assert fenced(rows, {newer}) == [rows[0], rows[2], said]
    assert fenced(rows, {LINE}) == [rows[1], said]
    assert fenced(rows, {LINE, newer}) == [said]
    assert fenced(rows, set()) == rows


def test_a_boot_without_a_mark_begins_at_its_first_event() -> None:
    marks: dict[MarkKey, int] = {}
    new = split_new([durable(5, "x")], marks)
    assert len(new) == 1
    assert marks == {place_of(new[0]): 5}


def test_places_are_sorted_so_that_batches_cannot_deadlock() -> None:
    other = make_line(device_id=DeviceId("d0"))
    rows = [durable(1, "z"), durable(1, "a"), durable(1, "a", other), row(name="free")]
    found = [(place.device_id, place.boot_id) for place in places_of(rows)]
    assert found == [("d0", "a"), ("d1", "a"), ("d1", "z")]


def test_acknowledgements_are_cumulative_per_line_and_boot() -> None:
    other = make_line(device_id=DeviceId("d0"))
    rows = [
        durable(1), durable(3), durable(2), durable(9, "c"), durable(5, "b", other),
        row(name="free"),
    ]  # fmt: skip
    assert acknowledgements(rows) == [(LINE, "b", 3), (LINE, "c", 9), (other, "b", 5)]


def test_metrics_that_came_before_a_moment() -> None:
    late = row(LINE, "status", status="ONLINE", metrics={"m": 1})
    rows = [late, row(LINE, "status", status="ONLINE"), row(name="free")]
    moment = datetime(1970, 1, 1, 0, 16, 40, tzinfo=UTC)
    assert late_metrics(rows, 1_000_000_001) == [(DEFAULT_ORG, "d1", moment, {"m": 1.0})]
    assert late_metrics(rows, 1_000_000_000) == []


def test_the_latest_status_of_each_device() -> None:
    other = make_line(device_id=DeviceId("d0"))
    rows = [
        row(LINE, "status", status="ONLINE"),
        row(LINE, "status", status="ERROR", metrics={"m": 1}),
        row(other, "status", status="DEGRADED"),
        row(name="free"),
    ]
    found = [state[1:] for state in latest_states(rows)]
    moment = datetime(1970, 1, 1, 0, 16, 40, tzinfo=UTC)
    assert found == [
        ("d0", 1, "DEGRADED", {}, None, moment),
        ("d1", 1, "ERROR", {"m": 1.0}, None, moment),
    ]


def test_the_latest_status_has_what_was_said_last_of_programs() -> None:
    agent: dict[str, Any] = {"name": "a", "ready": True, "since": WIRE, "detail": None}
    rows = [
        row(LINE, "status", status="ONLINE", agents=[agent, {**agent, "name": "b"}]),
        row(LINE, "status", status="DEGRADED", agents=[{**agent, "ready": False}]),
        row(LINE, "status", status="ONLINE"),
    ]
    ((*_, status, _, agents, _),) = latest_states(rows)
    assert status == "ONLINE"
    assert [(each["name"], each["ready"]) for each in json.loads(agents or "")] == [("a", False)]
    assert json.loads(rows[0].event.body)["agents"][1]["name"] == "b"
    assert "agents" not in json.loads(rows[2].event.body)


def test_that_there_are_no_programs_is_said_too() -> None:
    ((*_, agents, _),) = latest_states([row(LINE, "status", status="ONLINE", agents=[])])
    assert agents == "[]"


def test_an_alert_of_the_hub_is_stored_as_one_of_the_device() -> None:
    event = AlertEvent(
        device_id=DeviceId("d1"), ts=WIRE, severity="WARN", code="device_cloned", message="m"
    )
    found = hub_row(DEFAULT_ORG, event, Stamps().next(1.0))
    assert (found.table, found.event.type) == ("event", "alert")
    assert copied(found.line)[4:7] == ["alert", None, None]
    assert lines_of([found]) == []


def test_a_row_gives_its_alert_back() -> None:
    found = alert_of(row(LINE, "alert", severity="WARN", code="c", seq=7, bootId="b"))
    assert (found.severity, found.code, found.seq, found.status) == ("WARN", "c", 7, "FIRING")


def test_an_alert_is_stored_with_what_its_record_says_of_it() -> None:
    before = row(LINE, "alert", severity="WARN", code="c", message="a \\ and \n", seq=7, bootId="b")
    event = structs.replace(before.event, body=before.event.body[:-1] + b',"alertId":"a-1"}')
    found = with_event(before, event)
    assert copied(found.line)[:-1] == copied(before.line)[:-1]
    known = {**json.loads(before.event.body), "alertId": "a-1"}
    assert json.loads(str(copied(found.line)[-1])) == known
    assert alert_of(found).alert_id == "a-1"


def test_what_was_said_last_of_each_application() -> None:
    service = {"service": "web", "revision": "r", "state": "running", "restarts": 2}
    whole = {
        "service": "web", "revision": "r", "state": "running", "code": None, "message": None,
        "image": None, "digest": None, "containerId": None,
    }  # fmt: skip
    bare = {"service": "web", "revision": "r", "state": "running"}

    def say(application: str, *services: dict[str, Any]) -> EventRow:
        return row(
            LINE, "workload_status", application=application, version="v", services=[*services]
        )

    rows = [say("aa"), say("aa", service), say("bb"), row(name="n")]
    first, second = latest_workloads(rows)
    assert (first["application"], first["hash"], first["bare_hash"]) == (
        "aa", hash_of([whole]), hash_of([bare]),
    )  # fmt: skip
    assert first["services"][0]["restarts"] == 2
    assert (second["application"], second["services"]) == ("bb", [])
    assert rows[0].event.type == "workload_status"
