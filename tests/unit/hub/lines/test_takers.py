import pytest
from structlog.testing import capture_logs

from hub.lines.takers import HANDED_ON, Taker, Takers
from protocol.closing import CloseCode
from protocol.frames import Auth, Hello, Ping
from protocol.ids import CommandId
from protocol.replies import Ack, Progress, Result
from protocol.telemetry import Event, Status
from tests.factories import Wire, make_line


def nobody(*_: object) -> None: ...


def all_by(taker: Taker) -> dict[type, Taker]:
    return dict.fromkeys(HANDED_ON, taker)


def test_replies_are_handed_on_and_neither_events_nor_what_a_line_takes_itself() -> None:
    assert {Ack, Progress, Result} <= HANDED_ON
    assert not HANDED_ON & {Hello, Ping, Auth, Status, Event}


def test_a_frame_goes_to_its_taker() -> None:
    taken: list[object] = []
    others = {kind: nobody for kind in HANDED_ON if kind is not Ack}
    line, ack = make_line(Wire()), Ack(command_id=CommandId("c"))
    takers = Takers([others, {Ack: lambda line, frame: taken.append((line, frame))}])
    takers.take(line, ack)
    takers.take(line, Progress(command_id=CommandId("c")))
    assert taken == [(line, ack)]


def test_a_frame_without_a_taker_ends_the_start() -> None:
    with pytest.raises(ValueError, match=r"not one taker of Ack$"):
        Takers([{kind: nobody for kind in HANDED_ON if kind is not Ack}])


def test_a_frame_with_two_takers_ends_the_start() -> None:
    with pytest.raises(ValueError, match=r"two takers of Ack$"):
        Takers([all_by(nobody), {Ack: nobody}])


def test_what_is_no_frame_of_a_device_ends_the_start() -> None:
    with pytest.raises(ValueError, match=r"not one taker of str$"):
        Takers([all_by(nobody), {str: nobody}])


def test_a_taker_that_fails_ends_its_line_alone() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    wire, other = Wire(), Wire()
    make_line(other)
    with capture_logs() as logs:
        Takers([all_by(fail)]).take(make_line(wire), Ack(command_id=CommandId("c")))
    assert wire.closed == [CloseCode.TRY_LATER]
    assert other.closed == []
    assert [(line["event"], line["type"]) for line in logs] == [("frame_not_taken", "Ack")]
