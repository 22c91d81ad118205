import json
from typing import Any

from device.base.own_commands import OwnCommandSettings
from device.commands.book import Book, WriteJournal
from device.commands.own import OwnTable
from device.line.hub_clock import HubClock
from device.line.session import (
    Authorised,
    Complained,
    EventRefused,
    EventsAcknowledged,
    HandedOver,
    LineDead,
    Opened,
    PauseRequested,
    PingHub,
    Session,
    SessionAsked,
)
from protocol.frames import Desired, Hello, Ping, SessionConnect
from tests.unit.device.factories import make_result, recorded

WELCOME: dict[str, Any] = {
    "type": "welcome",
    "deviceId": "edge-1",
    "sessionId": "s",
    "generation": 1,
    "replicaId": "r",
    "heartbeatSeconds": 10,
    "serverTime": "2030-01-01T00:00:00.000Z",
}
BEFORE, AFTER = "2029-12-31T23:59:59.000Z", "2030-01-01T00:00:01.000Z"


OWN = OwnTable({"measure": OwnCommandSettings(argv=("measure",))})


class Line:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.clock = HubClock()
        self.book = Book(self.clock.is_past, OWN)
        self.session = Session(
            send=lambda raw: self.sent.append(json.loads(raw)),
            book=self.book,
            clock=self.clock,
            hello=lambda: Hello(boot_id="b", unfinished=self.book.unfinished()),
            now=0.0,
        )

    def receive(self, **frame: object) -> list[Any]:
        return self.session.receive(json.dumps(frame), 0.0)

    def open(self) -> list[Any]:
        return self.receive(**WELCOME)


def test_hello_is_the_first_frame_and_nothing_goes_before_it() -> None:
    line = Line()
    line.session.send(Ping())
    line.session.send_encoded(b"{}")
    assert line.session.tick(1.0) == []
    (opened,) = line.open()
    assert isinstance(opened, Opened)
    line.session.send_encoded(b'{"type":"ping"}')
    assert [frame["type"] for frame in line.sent] == ["hello", "ping"]


def test_the_devices_own_commands_are_described_when_the_hub_asks() -> None:
    line = Line()
    line.open()
    assert line.receive(type="describe", what="weather") == []
    assert line.receive(type="describe", what="custom") == []
    (_, described) = line.sent
    assert described["type"] == "custom_commands"
    assert [each["name"] for each in described["commands"]] == ["measure"]


def test_commands_and_all_about_them_go_to_the_book() -> None:
    line = Line()
    line.open()
    effects = line.receive(type="force_sync", id="c1", deadline=AFTER)
    assert isinstance(effects[0], WriteJournal)
    recorded(line.book, effects)
    recorded(line.book, line.book.finished(make_result()))
    assert line.receive(type="cancel", commandId="c1") != []
    assert line.receive(type="result_ack", commandId="c1") != []
    assert line.book.unfinished() == []


def test_the_deadline_is_hub_time() -> None:
    line = Line()
    line.open()
    late = recorded(line.book, line.receive(type="force_sync", id="c1", deadline=BEFORE))
    assert "deadline_passed" in str(late)
    good = recorded(line.book, line.receive(type="force_sync", id="c2", deadline=AFTER))
    assert "deadline_passed" not in str(good)
    assert line.receive(type="pong", serverTime="2031-01-01T00:00:00.000Z") == []
    late = recorded(line.book, line.receive(type="force_sync", id="c3", deadline=AFTER))
    assert "deadline_passed" in str(late)


def test_g18_the_newest_time_that_the_hub_said_counts() -> None:
    """The hub's clock was set back by an hour; then by a year forward."""
    line = Line()
    line.open()
    early = {"deadline": "2029-12-31T23:00:15.000Z", "serverTime": "2029-12-31T23:00:00.000Z"}
    good = recorded(line.book, line.receive(type="force_sync", id="c1", **early))
    assert "deadline_passed" not in str(good)
    year = {"deadline": "2031-01-01T00:00:15.000Z", "serverTime": "2031-01-01T00:00:00.000Z"}
    good = recorded(line.book, line.receive(type="force_sync", id="c2", **year))
    assert "deadline_passed" not in str(good)
    late = recorded(line.book, line.receive(type="force_sync", id="c3", deadline=AFTER))
    assert "deadline_passed" in str(late)


def test_what_the_hub_says_of_events_and_of_the_line_becomes_effects() -> None:
    line = Line()
    assert line.receive(type="event_ack", bootId="b", seq=4) == [EventsAcknowledged("b", 4)]
    assert line.receive(type="reconnect", afterMs=1500) == [PauseRequested(1.5)]
    desired: dict[str, Any] = {"kind": "mode", "version": "3", "hash": "a"}
    assert line.receive(type="desired", **desired) == [HandedOver(Desired(**desired))]
    asked = SessionConnect(session_id="s", connection="c")
    assert line.receive(type="session_connect", sessionId="s", connection="c") == [
        SessionAsked(asked)
    ]
    assert line.receive(type="auth_ok", expiresAt=AFTER) == [Authorised(AFTER)]
    refused = {"type": "error", "code": "invalid_frame", "message": "m"}
    assert line.receive(**refused, bootId="b", seq=4) == [EventRefused("b", 4, "m")]
    assert line.receive(**refused) == [Complained("invalid_frame", "m")]


def test_what_does_not_decode_is_answered_when_it_is_a_command_with_an_id() -> None:
    line = Line()
    (effect,) = line.receive(type="pull_logs", id="c1", lines=0)
    assert isinstance(effect, WriteJournal)
    for frame in ({"type": "pull_logs", "lines": 0}, {"type": "pull_logs", "id": "?", "lines": 0}):
        (effect,) = line.receive(**frame)
        assert isinstance(effect, Complained)
    (effect,) = line.session.receive("nonsense", 0.0)
    assert isinstance(effect, Complained)
    assert line.receive(type="from-the-future") == []


def test_a_silent_hub_is_pinged_and_then_given_up() -> None:
    line = Line()
    line.open()
    assert line.session.tick(9.0) == []
    assert line.session.tick(10.0) == [PingHub()]
    line.session.heard()
    assert line.session.tick(20.0) == [PingHub()]
    assert line.session.tick(29.0) == []
    assert line.session.tick(30.0) == [LineDead()]
