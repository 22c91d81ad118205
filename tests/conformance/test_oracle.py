"""Our parser against websockets' sans-I/O one: the same frames, chopped in any way."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from hub.socket.framing import (
    NO_STATUS,
    Binary,
    Event,
    Fault,
    FrameParser,
    PeerClosed,
    Ping,
    Pong,
    is_utf8,
)
from protocol.closing import CloseCode
from tests.conformance.wire import frame
from tests.twins import each_twin

__all__ = ["each_twin"]  # all run with both

LIMIT = 1000

payloads = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
    st.integers(0, LIMIT + 5).map(lambda size: b"x" * size),
    st.sampled_from([b"\x03\xe8", b"\x03\xe8\xff", b"\x03", b"\x03\xed", b"\xce", b"\xba"]),
)
sound = st.builds(
    frame,
    st.sampled_from([0, 0, 0, 1, 1, 1, 2, 9, 10]),
    payloads,
    fin=st.sampled_from([True, True, False]),
    mask=st.binary(min_size=4, max_size=4),
)
any_frame = st.builds(
    frame,
    st.integers(0, 15),
    payloads,
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 0, 1, 2, 4]),
    mask=st.sampled_from([b"mask", b"mask", b"mask", b"\0\0\0\0", None]),
)
streams = st.lists(st.one_of(sound, sound, sound, any_frame), max_size=12).map(b"".join)


def ours(chunks: list[bytes]) -> list[Event]:
    parser = FrameParser(LIMIT)
    return [event for chunk in chunks for event in parser.feed(chunk)]


def theirs(chunks: list[bytes]) -> list[Event]:
    protocol = Protocol(SERVER, state=OPEN, max_size=LIMIT)
    for chunk in chunks:
        protocol.receive_data(chunk)
    events: list[Event] = []
    pieces: list[bytes] = []
    kind = Opcode.TEXT
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        match event.opcode:
            case Opcode.PING:
                events.append(Ping(bytes(event.data)))
            case Opcode.PONG:
                events.append(Pong(bytes(event.data)))
            case Opcode.CLOSE:
                pass
            case _:
                kind = kind if event.opcode is Opcode.CONT else event.opcode
                pieces.append(bytes(event.data))
                if event.fin:
                    message, pieces = b"".join(pieces), []
                    events.append(Binary() if kind is Opcode.BINARY else message)
    # A close frame within a fragmented message is an error to them, and to us just a close frame.
    if protocol.close_rcvd is not None:
        events.append(PeerClosed(protocol.close_rcvd.code, protocol.close_rcvd.reason))
    elif protocol.close_sent is not None:
        events.append(Fault(CloseCode(protocol.close_sent.code), ""))
    return events


def comparable(events: list[Event]) -> list[Event]:
    """They leave UTF-8 of messages to their user, and the words differ. Of a frame that is both too
    long and out of order they name the one fault and we the other."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and not is_utf8(event):
            return [*result, Fault(CloseCode.INVALID_DATA, "")]
        if isinstance(event, Fault):
            too_big = event.code == CloseCode.TOO_BIG
            event = Fault(CloseCode.PROTOCOL_ERROR if too_big else event.code, "")
        result.append(event)
    return result


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    return [stream[start:stop] for start, stop in pairwise(places)]


@given(streams, st.lists(st.integers(0, 3000), max_size=20))
def test_the_same_events_come_out(stream: bytes, cuts: list[int]) -> None:
    assert comparable(ours(chopped(stream, cuts))) == comparable(theirs([stream]))


@given(streams)
def test_chopping_changes_nothing(stream: bytes) -> None:
    assert ours([stream[index : index + 1] for index in range(len(stream))]) == ours([stream])


def test_the_oracle_is_awake() -> None:
    assert theirs([frame(1, b"a") + frame(8)]) == [b"a", PeerClosed(NO_STATUS, "")]
    assert theirs([frame(3)]) == [Fault(CloseCode.PROTOCOL_ERROR, "")]
