import json
from typing import Any

import pytest

from hub.base.kept import Kept
from hub.lines.pace import Rates
from hub.lines.session import Renewal
from protocol.closing import CloseCode
from protocol.commands import UNNAMED_COMMANDS
from protocol.errors import FrameErrorCode
from protocol.frames import Hello
from protocol.ids import CommandId
from protocol.replies import Ack, Progress, Result
from protocol.telemetry import Event
from tests.factories import FakeContext, Wire, make_line


class Line:
    """A session with what it wrote and whom it told."""

    def __init__(self, rates: Rates | None = None) -> None:
        self.wire = Wire()
        self.around = FakeContext(rates)
        self.session = make_line(self.wire, self.around)

    def says(self, type_: str, **fields: Any) -> bool:
        return self.session.text(json.dumps({"type": type_, **fields}).encode())

    def heard(self) -> list[str]:
        return [what for what, _ in self.around.heard.happened]


def test_the_welcome_names_the_line_and_the_time() -> None:
    line = Line()
    line.session.welcome()
    assert line.wire.frames() == [
        {
            "type": "welcome", "deviceId": "d1", "sessionId": "s1", "generation": 1,
            "replicaId": "r-1", "heartbeatSeconds": 10, "serverTime": "2026-01-02T03:04:05.000Z",
            "accepts": ["desired_status", "workload_status"],
        }
    ]  # fmt: skip


def test_a_section_is_handed_over_to_a_device_that_takes_it() -> None:
    for accepts in (["desired"], []):
        line = Line()
        line.says("hello", bootId="b", accepts=accepts, sections={"mode": {"hash": "a"}})
        line.session.hand_over("mode", "3", "b")
        line.session.hand_over("config", "3", "b")
        handed = {"type": "desired", "kind": "mode", "version": "3", "hash": "b"}
        assert line.wire.frames() == ([handed] if accepts else [])


def test_hello_settles_the_line_and_says_what_the_device_can() -> None:
    line = Line()
    assert line.session.commands == UNNAMED_COMMANDS
    assert line.says("hello", bootId="b", journalId="j", commands=["force_sync"])
    assert line.session.journal_id == "j"
    assert line.session.boot_id == "b"
    assert line.session.commands == {"force_sync"}
    assert line.heard() == ["hello", "settled"]
    assert line.session.settled
    assert line.wire.frames() == []


def test_hello_without_commands_supports_what_there_was_first() -> None:
    line = Line()
    line.says("hello", bootId="b")
    assert line.session.commands == UNNAMED_COMMANDS
    assert isinstance(line.around.heard.happened[0][1], Hello)


def test_hello_names_the_devices_own_commands() -> None:
    line = Line()
    own = {"hash": "h", "names": ["calibrate"]}
    line.says("hello", bootId="b", commands=["custom"], accepts=["describe"], custom=own)
    assert line.session.commands == {"custom.calibrate"}
    assert line.session.own is not None
    assert line.session.own.hash == "h"


@pytest.mark.parametrize("first", [{"type": "hello", "bootId": "b"}, {"type": "ping"}])
def test_hello_comes_once_and_first(first: dict[str, str]) -> None:
    line = Line()
    line.session.text(json.dumps(first).encode())
    line.wire.frames()
    line.says("hello", bootId="c", journalId="late")
    (error,) = line.wire.frames()
    assert error["code"] == "invalid_frame"
    assert line.session.journal_id is None
    assert line.around.invalid == 1


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ({"type": "ack", "commandId": "c"}, Ack),
        ({"type": "progress", "commandId": "c"}, Progress),
        ({"type": "result", "commandId": "c", "success": True}, Result),
    ],
)
def test_replies_are_handed_on_and_settle_the_line(frame: dict[str, Any], kind: type) -> None:
    line = Line()
    assert line.session.text(json.dumps(frame).encode())
    assert line.heard() == ["settled", "reply"]
    assert isinstance(line.around.heard.happened[1][1], kind)


def test_ping_is_answered_and_auth_settles_nothing() -> None:
    line = Line()
    line.around.renewals["good"] = Renewal("d1", 1, 1e9)
    line.says("auth", token="good")
    assert line.heard() == []
    assert line.session.expires_at == 1e9
    line.says("ping")
    assert line.wire.frames() == [
        {"type": "auth_ok", "expiresAt": "2001-09-09T01:46:40.000Z"},
        {"type": "pong", "serverTime": "2026-01-02T03:04:05.000Z"},
    ]
    assert line.heard() == ["settled"]


def test_a_bad_or_foreign_renewal_ends_the_line() -> None:
    line = Line()
    line.around.renewals["foreign"] = Renewal("d2", 1, 1e9)
    for token in ("bad", "foreign"):
        line.says("auth", token=token)
    assert line.wire.closed == [CloseCode.NOT_AUTHENTICATED] * 2
    assert line.session.expires_at == 1e12


def test_events_are_taken_and_the_boot_id_of_hello_is_filled_in() -> None:
    line = Line()
    line.says("hello", bootId="b")
    assert line.says("event", name="n", seq=1)
    assert line.says("event", name="n", seq=2, bootId="own")
    assert line.says("event", name="n")
    found = [(e.boot_id, e.seq) for e in line.around.events if isinstance(e, Event)]
    assert found == [("b", 1), ("own", 2), (None, None)]


def test_seq_without_any_boot_id_is_refused() -> None:
    line = Line()
    assert line.says("event", name="n", seq=1)
    (error,) = line.wire.frames()
    assert error["code"] == "invalid_frame"
    assert "seq" not in error
    assert line.around.events == []


def test_an_event_that_cannot_be_taken_ends_the_line() -> None:
    line = Line()
    line.around.takes_events = False
    line.says("event", name="n", seq=1, bootId="b")
    assert line.wire.closed == [CloseCode.TRY_LATER]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "", "bootId": "b", "seq": 9}, ("b", 9)),
        ({"name": "", "seq": 9}, ("from hello", 9)),
        ({"name": ""}, (None, None)),
    ],
)
def test_an_invalid_durable_event_is_refused_by_its_name(
    fields: dict[str, Any], named: tuple[str | None, int | None]
) -> None:
    line = Line()
    line.says("hello", bootId="from hello")
    line.says("event", **fields)
    (error,) = line.wire.frames()
    assert (error.get("bootId"), error.get("seq")) == named
    assert error["message"].startswith("name: ")


def test_before_hello_an_invalid_event_without_boot_id_has_no_name() -> None:
    line = Line()
    line.says("event", name="", seq=9)
    (error,) = line.wire.frames()
    assert "seq" not in error
    line.session.text(b"nonsense")
    (error,) = line.wire.frames()
    assert error["code"] == "invalid_frame"


def test_the_twentieth_invalid_frame_of_a_minute_ends_the_line() -> None:
    line = Line()
    for _ in range(18):
        line.session.text(b"nonsense")
    line.session.binary()
    assert line.wire.closed == []
    line.around.now += 60.0
    line.session.text(b"nonsense")
    assert line.wire.closed == [CloseCode.BAD_FRAMES]
    assert line.around.invalid == 20


def test_invalid_frames_further_apart_are_forgiven() -> None:
    line = Line()
    for _ in range(100):
        line.around.now += 3.2
        line.session.binary()
    assert line.wire.closed == []


def test_a_flood_sheds_telemetry_slows_durable_events_and_ends_the_line() -> None:
    line = Line(Rates(frames=1, bytes=1))
    line.says("hello", bootId="b")
    for _ in range(4):
        line.around.now += 1.0
        assert line.says("event", name="n")
    line.wire.frames()
    line.around.now += 1.0
    taken = len(line.around.events)
    assert line.says("event", name="shed")
    assert line.says("event", name="shed")
    assert not line.says("event", name="slowed", seq=1)
    assert [frame["code"] for frame in line.wire.frames()] == ["too_fast"]
    assert len(line.around.events) == taken + 1
    line.says("ping")
    assert line.says("event", name="shed")
    assert [frame["type"] for frame in line.wire.frames()] == ["pong", "error"]
    for _ in range(5):
        line.around.now += 1.0
        line.says("ping")
    assert line.wire.closed == [CloseCode.FLOODING]


def test_a_device_whose_day_is_full_is_told_once_and_its_durable_events_are_slowed() -> None:
    line = Line()
    line.says("hello", bootId="b")
    line.around.outcome = Kept.FULL
    assert line.says("event", name="shed")
    assert line.says("event", name="shed")
    (told,) = line.wire.frames()
    assert told["code"] == "too_fast"
    line.around.outcome = Kept.SLOWED
    assert not line.says("event", name="slowed", seq=1)
    assert line.wire.frames() == []


def test_a_device_that_starts_too_often_is_told_once_and_keeps_its_line() -> None:
    line = Line()
    line.around.outcome = Kept.TOO_MANY_STARTS
    for seq in (1, 2):
        assert line.says("event", name="n", bootId="b", seq=seq)
    (told,) = line.wire.frames()
    assert told["code"] == "too_fast"
    assert not {"bootId", "seq"} & told.keys()  # which would acknowledge it
    assert line.wire.closed == []


def test_too_many_names_of_metrics_are_told_now_and_then() -> None:
    line = Line()
    line.around.outcome = Kept.TOO_MANY_METRICS
    for _ in range(21):
        assert line.says("status", status="ONLINE", metrics={"new": 1.0})
        line.around.now += 1.0
    assert [frame["code"] for frame in line.wire.frames()] == ["too_many_metrics"] * 3
    assert line.wire.closed == []


def test_what_the_floors_above_say_to_the_device() -> None:
    line = Line()
    line.session.acknowledge("b", 7)
    line.session.refuse(FrameErrorCode.UNKNOWN_COMMAND, "m", command_id=CommandId("c"))
    line.session.send(b'{"type":"any"}')
    line.session.close(CloseCode.FORBIDDEN)
    assert line.wire.frames() == [
        {"type": "event_ack", "bootId": "b", "seq": 7},
        {"type": "error", "code": "unknown_command", "message": "m", "commandId": "c"},
        {"type": "any"},
    ]
    assert line.wire.closed == [CloseCode.FORBIDDEN]


def test_a_device_that_names_its_installers_has_these_and_no_others() -> None:
    line, silent = Line(), Line()
    line.says("hello", bootId="b", installers=["agent", "plc"])
    silent.says("hello", bootId="b")
    assert line.session.installers == {"agent", "plc"}
    assert silent.session.installers is None


# Quarantine

TOLD = {
    "type": "error",
    "code": "quarantined",
    "message": "in quarantine: keep what must not be lost",
}


def quarantined(rates: Rates | None = None) -> Line:
    line = Line(rates)
    line.says("hello", bootId="b", accepts=["desired"], sections={"mode": {"hash": "a"}})
    line.session.quarantine()
    assert line.wire.frames() == [TOLD]
    line.around.heard.happened.clear()
    return line


def test_in_quarantine_nothing_is_taken_and_the_device_is_told_once() -> None:
    line = quarantined()
    line.session.quarantine()
    for frame in (
        {"type": "event", "name": "n", "seq": 1},
        {"type": "ack", "commandId": "c"},
        {"type": "progress", "commandId": "c"},
        {"type": "result", "commandId": "c", "success": True},
        {
            "type": "desired_status",
            "kind": "mode",
            "version": "1",
            "hash": "a",
            "status": "applied",
        },
    ):
        assert line.session.text(json.dumps(frame).encode())
    assert line.around.events == []
    assert line.heard() == []
    assert line.wire.frames() == []
    assert line.around.quarantined == 0
    line.says("status", status="ONLINE")
    assert line.around.quarantined == 1


def test_what_services_use_is_no_event() -> None:
    line = Line()
    status = {"version": "v", "application": "web"}
    line.says("workload_status", **status, hash="h", usage={})
    assert line.around.events == []
    assert line.heard() == ["settled", "reply"]
    line.says("workload_status", **status, services=[], seq=1, bootId="b")
    assert len(line.around.events) == 1
    for bad in ({"seq": 2, "bootId": "b"}, {}):
        line.says("workload_status", **status, **bad)
        assert line.wire.frames()[-1]["code"] == "invalid_frame"


def test_in_quarantine_the_line_itself_goes_on() -> None:
    line = quarantined()
    line.around.renewals["good"] = Renewal("d1", 1, 1e9)
    line.says("auth", token="good")
    line.says("ping")
    assert [frame["type"] for frame in line.wire.frames()] == ["auth_ok", "pong"]


def test_in_quarantine_no_section_is_handed_over() -> None:
    line = quarantined()
    line.session.hand_over("mode", "3", "b")
    assert line.wire.frames() == []


def test_in_quarantine_no_durable_event_is_named_as_refused() -> None:
    line = quarantined()
    line.says("event", name=7, seq=5, bootId="b")
    (error,) = line.wire.frames()
    assert error["code"] == "invalid_frame"
    assert {"bootId", "seq"}.isdisjoint(error)


def test_in_quarantine_a_flood_is_read_slowly() -> None:
    line = quarantined(Rates(frames=10, bytes=0))
    for _ in range(5):
        assert all(line.says("event", name="n", seq=1) for _ in range(2_001))
        line.around.now += 1.0
    assert not line.says("event", name="n", seq=1)
    assert line.wire.closed == []


def test_a_line_that_begins_in_quarantine_says_so_after_its_welcome() -> None:
    wire = Wire()
    make_line(wire, quarantined=True).welcome()
    assert [frame["type"] for frame in wire.frames()] == ["welcome", "error"]


def test_a_line_by_certificate_does_not_end_with_a_token() -> None:
    assert make_line(version=3).goes_by_ended(4)
    assert not make_line(version=4).goes_by_ended(4)
    assert not make_line(version=0, serial="0a").goes_by_ended(4)
