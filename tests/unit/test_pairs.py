"""Both sides of a line, each with its own core, agree on what happens."""

from device.commands.book import Run
from device.line.session import (
    Authorised,
    Complained,
    EventRefused,
    EventsAcknowledged,
    Opened,
    PauseRequested,
)
from hub.lines.session import Renewal
from protocol.closing import CloseCode
from protocol.frames import Auth, Cancel, Hello, Ping, Reconnect, ResultAck
from protocol.ids import CommandId
from protocol.replies import Ack, Result
from protocol.telemetry import Event
from tests.pairs import Pair

C1 = CommandId("c1")
LATER = "2031-01-01T00:00:00.000Z"


def runs(pair: Pair) -> list[str]:
    return [effect.id for effect in pair.effects if isinstance(effect, Run)]


def test_the_device_says_hello_to_the_welcome_and_both_are_open() -> None:
    pair = Pair()
    assert not pair.device.is_open
    pair.deliver()
    assert pair.device.is_open
    assert pair.hub.settled
    assert pair.hub.journal_id == "j"
    assert any(isinstance(effect, Opened) for effect in pair.effects)
    said = [what for kind, what in pair.around.heard.happened if kind == "hello"]
    assert said == [Hello(boot_id="b", journal_id="j", unfinished=[])]


def test_command_ack_result_result_ack() -> None:
    pair = Pair()
    pair.deliver()
    pair.send_down(type="force_sync", id="c1", deadline=LATER)
    pair.deliver()
    assert runs(pair) == ["c1"]
    assert pair.replies() == [Ack(command_id=C1)]
    pair.perform(pair.book.finished(Result(command_id=C1, success=True)))
    pair.deliver()
    (result,) = pair.replies()
    assert isinstance(result, Result)
    assert pair.book.unfinished() == [C1]
    pair.send_down(type="result_ack", commandId="c1")
    pair.deliver()
    assert pair.book.unfinished() == []


def test_g3_a_command_that_is_sent_again_runs_once_and_its_result_is_repeated() -> None:
    pair = Pair()
    pair.deliver()
    pair.send_down(type="restart_service", id="c1", deadline=LATER)
    pair.deliver()
    pair.perform(pair.book.finished(Result(command_id=C1, success=True)))
    pair.connect()  # the result was on its way
    pair.deliver()
    said = [what for kind, what in pair.around.heard.happened if kind == "hello"]
    assert isinstance(said[-1], Hello)
    assert said[-1].unfinished == [C1]
    pair.send_down(type="restart_service", id="c1", deadline=LATER)
    pair.deliver()
    assert runs(pair) == ["c1"]
    assert [r for r in pair.replies() if isinstance(r, Result)] != []


def test_cancel_reaches_a_command_that_waits() -> None:
    pair = Pair()
    pair.deliver()
    for command_id in ("c0", "c1"):
        pair.send_down(type="clear_queue", id=command_id, deadline=LATER)
    pair.hub.send(b'{"type":"cancel","commandId":"c1"}')
    pair.deliver()
    assert runs(pair) == ["c0"]
    (result,) = [r for r in pair.replies() if isinstance(r, Result)]
    assert (result.command_id, result.success, result.outcome) == (C1, False, "cancelled")


def test_a_command_that_does_not_decode_is_answered_as_rejected() -> None:
    pair = Pair()
    pair.deliver()
    pair.send_down(type="pull_logs", id="c1", deadline=LATER, lines=0)
    pair.deliver()
    (result,) = pair.replies()
    assert isinstance(result, Result)
    assert (result.success, result.outcome) == (False, "rejected")


def test_durable_events_are_acknowledged_and_bad_ones_refused_by_name() -> None:
    pair = Pair()
    pair.deliver()
    pair.send_up(Event(name="n", seq=1))
    pair.device.send_encoded(b'{"type":"event","name":"","seq":2}')
    pair.deliver()
    assert [(e.boot_id, e.seq) for e in pair.around.events] == [("b", 1)]
    pair.hub.acknowledge("b", 1)
    pair.deliver()
    assert EventsAcknowledged("b", 1) in pair.effects
    (refused,) = [effect for effect in pair.effects if isinstance(effect, EventRefused)]
    assert (refused.boot_id, refused.seq) == ("b", 2)


def test_error_frames_are_complaints_and_the_line_stays() -> None:
    pair = Pair()
    pair.deliver()
    pair.device.send_encoded(b"nonsense")
    pair.send_up(Hello(boot_id="again"))
    pair.deliver()
    complaints = [effect for effect in pair.effects if isinstance(effect, Complained)]
    assert [complaint.code for complaint in complaints] == ["invalid_frame", "invalid_frame"]
    assert pair.down.closed == []


def test_ping_renewal_and_the_wish_to_come_back_later() -> None:
    pair = Pair()
    pair.deliver()
    pair.around.renewals["newer"] = Renewal("d1", 1, 2e9)
    pair.send_up(Ping())
    pair.send_up(Auth(token="newer"))
    pair.send_down(type="reconnect", afterMs=1500)
    pair.deliver()
    assert Authorised("2033-05-18T03:33:20.000Z") in pair.effects
    assert PauseRequested(1.5) in pair.effects
    pair.send_up(Auth(token="bad"))
    pair.deliver()
    assert pair.down.closed == [CloseCode.NOT_AUTHENTICATED]


def test_each_side_ignores_what_only_it_may_say() -> None:
    """A device that sends the hub's frames is a peer's fault, answered and counted."""
    pair = Pair()
    pair.deliver()
    for frame in (Cancel(command_id=C1), ResultAck(command_id=C1), Reconnect(after_ms=1)):
        pair.send_up(frame)
    pair.deliver()
    assert pair.around.invalid == 3
    assert pair.replies() == []
