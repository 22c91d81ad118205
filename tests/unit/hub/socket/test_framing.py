import pytest

from hub.socket import framing
from hub.socket.framing import (
    MAX_FRAGMENTS,
    NO_STATUS,
    PING,
    Binary,
    Event,
    Fault,
    FrameParser,
    PeerClosed,
    Ping,
    Pong,
    binary_frame,
    close_frame,
    may_be_sent,
    ping_frame,
    pong_frame,
)
from protocol.closing import CloseCode
from tests.conformance import wire
from tests.conformance.wire import BINARY, CLOSE, TEXT, close, fragments, frame, text
from tests.twins import each_twin

__all__ = ["each_twin"]  # all run with both

LIMIT = 70_000


def events(*chunks: bytes, limit: int = LIMIT) -> list[Event]:
    parser = FrameParser(limit)
    return [event for chunk in chunks for event in parser.feed(chunk)]


def fault(*chunks: bytes, limit: int = LIMIT) -> CloseCode:
    """The code of the only event, which is a fault."""
    (event,) = events(*chunks, limit=limit)
    assert isinstance(event, Fault)
    return event.code


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 125, 126, 4096, 4097, 4098, 65535, 65536])
def test_a_text_of_any_length_comes_out_unmasked(size: int) -> None:
    payload = (b"0123456789" * 7000)[:size]
    assert events(text(payload)) == [payload]


@pytest.mark.parametrize("size", [*range(9), 4095, 4096, 4097, 4098, 4099, 4100])
def test_both_ways_to_unmask_agree_with_the_definition(size: int) -> None:
    payload, mask = bytes(index * 7 % 256 for index in range(size)), b"\x01\x80\xff\x5a"
    data = b"head" + mask + payload + b"tail"
    assert framing.unmask(data, 8, 8 + size) == wire.masked(payload, mask)


def test_frames_chopped_at_every_byte_are_the_same_frames() -> None:
    long = "ü".encode() * 200
    stream = b"".join(
        [
            text(b"a"),
            text(long),
            frame(wire.PING, b"p"),
            fragments(TEXT, long[:7], b"", long[7:]),
            frame(wire.PONG, b"q"),
            frame(BINARY, b"\xff"),
            text(b""),
            close(4001, b"bye"),
            text(b"ignored"),
        ]
    )
    expected = [b"a", long, Ping(b"p"), long, Pong(b"q"), Binary(), b"", PeerClosed(4001, "bye")]
    assert events(stream) == expected
    assert events(*(stream[index : index + 1] for index in range(len(stream)))) == expected
    for cut in range(len(stream)):
        assert events(stream[:cut], stream[cut:]) == expected


def test_a_text_in_the_longest_form_is_a_message_like_any() -> None:
    assert events(text(b"x" * 65536), limit=65536) == [b"x" * 65536]


def test_what_is_too_long_is_refused_from_its_header() -> None:
    announced = frame(TEXT, length=b"\x7f" + (1 << 30).to_bytes(8, "big"))[:10]
    assert fault(announced[:9], announced[9:]) is CloseCode.TOO_BIG
    assert fault(text(b"x" * 11)[:2], limit=10) is CloseCode.TOO_BIG
    assert fault(text(b"x" * 200)[:4], limit=199) is CloseCode.TOO_BIG


def test_fragments_count_together_against_the_limit() -> None:
    assert events(fragments(TEXT, b"x" * 5, b"y" * 5), limit=10) == [b"xxxxxyyyyy"]
    assert fault(fragments(TEXT, b"x" * 5, b"y" * 6), limit=10) is CloseCode.TOO_BIG
    assert fault(fragments(BINARY, b"x" * 5, b"y" * 6), limit=10) is CloseCode.TOO_BIG


def test_control_frames_do_not_count_against_the_limit() -> None:
    stream = frame(TEXT, b"x" * 10, fin=False) + frame(wire.PING, b"p" * 125) + frame(0)
    assert events(stream, limit=10) == [Ping(b"p" * 125), b"x" * 10]


def test_the_limit_may_change_between_two_events() -> None:
    parser = FrameParser(4)
    arrived: list[Event] = []
    for event in parser.feed(text(b"auth") + text(b"more than four") + text(b"auth")):
        arrived.append(event)
        parser.max_message = 14 if len(arrived) == 1 else 3
    assert arrived[:2] == [b"auth", b"more than four"]
    assert isinstance(arrived[2], Fault)


def test_a_limit_that_falls_counts_from_the_next_message_on() -> None:
    parser = FrameParser(200)
    arrived: list[Event] = []
    for event in parser.feed(text(b"x" * 130) + text(b"y" * 9) + text(b"z" * 9) + text(b"ignored")):
        arrived.append(event)
        parser.max_message = 200 if len(arrived) == 1 else 8
    assert arrived[:2] == [b"x" * 130, b"y" * 9]
    assert isinstance(arrived[2], Fault)
    assert len(arrived) == 3


def test_a_read_may_hold_any_number_of_messages() -> None:
    assert events(text(b"a") * 1000 + text(b"b")) == [*[b"a"] * 1000, b"b"]


def test_a_message_has_at_most_so_many_fragments() -> None:
    assert events(fragments(TEXT, *[b""] * MAX_FRAGMENTS)) == [b""]
    assert fault(fragments(TEXT, *[b""] * (MAX_FRAGMENTS + 1))) is CloseCode.TOO_BIG
    assert fault(fragments(BINARY, *[b""] * (MAX_FRAGMENTS + 1))) is CloseCode.TOO_BIG


@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, mask=None),
        *(frame(TEXT, rsv=rsv) for rsv in range(1, 8)),
        *(frame(opcode) for opcode in (3, 7, 11, 15)),
        frame(0),
        frame(0, fin=False),
        frame(wire.PING, fin=False),
        frame(wire.PING, b"x" * 126),
        frame(TEXT, b"x", length=b"\x7e\x00\x01"),
        frame(TEXT, b"x", length=b"\x7f" + bytes(7) + b"\x01"),
        frame(TEXT, length=b"\x7f" + bytes(6) + b"\xff\xff"),
        frame(TEXT, length=b"\x7f\x80" + bytes(7)),
        frame(CLOSE, b"x"),
        close(999),
        close(NO_STATUS),
    ],
)
def test_what_the_rfc_forbids_is_1002_and_the_end(sent: bytes) -> None:
    assert fault(sent + text(b"ignored"), text(b"ignored")) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("within", [text(b"b"), frame(BINARY), frame(TEXT, fin=False)])
def test_no_message_begins_within_another(within: bytes) -> None:
    assert fault(frame(TEXT, b"a", fin=False) + within) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "sent", [text(b"\xff"), fragments(TEXT, b"a", b"\xce"), close(1000, b"\xff")]
)
def test_text_that_is_not_utf8_is_1007(sent: bytes) -> None:
    assert fault(sent, text(b"ignored")) is CloseCode.INVALID_DATA


def test_a_close_frame_says_its_code_or_that_it_has_none() -> None:
    assert events(close(1000, b"bye")) == [PeerClosed(1000, "bye")]
    assert events(close()) == [PeerClosed(NO_STATUS, "")]


def test_which_close_codes_may_be_sent() -> None:
    sendable = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
    assert {code for code in range(1 << 16) if may_be_sent(code)} == sendable
    assert all(may_be_sent(code) for code in CloseCode)


def test_only_frames_that_are_no_whole_text_are_odd() -> None:
    parser = FrameParser(LIMIT)
    list(parser.feed(text(b"a") * 3))
    assert parser.odd_frames == 0
    list(parser.feed(frame(wire.PONG) + fragments(TEXT, b"a", b"b") + frame(BINARY)))
    assert parser.odd_frames == 4


def test_a_message_that_comes_byte_by_byte_costs_what_it_weighs() -> None:
    parser = FrameParser(LIMIT)
    sent = text(b"x" * LIMIT)
    for index in range(len(sent) - 1):
        assert not list(parser.feed(sent[index : index + 1]))
    assert list(parser.feed(sent[-1:])) == [b"x" * LIMIT]


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "8100"),
        (125, "817d"),
        (126, "817e007e"),
        (65535, "817effff"),
        (65536, "817f0000000000010000"),
    ],
)
def test_text_frames_have_the_shortest_length(size: int, head: str) -> None:
    assert framing.text_frame(b"x" * size) == bytes.fromhex(head) + b"x" * size


def test_control_frames_are_built_unmasked() -> None:
    assert bytes.fromhex("8900") == PING
    assert ping_frame(b"abc") == bytes.fromhex("8903") + b"abc"
    assert pong_frame(b"abc") == bytes.fromhex("8a03") + b"abc"
    assert close_frame(4401, "no") == bytes.fromhex("88041131") + b"no"
    assert close_frame(NO_STATUS, "dropped") == bytes.fromhex("8800")


def test_a_close_reason_is_cut_between_characters() -> None:
    built = close_frame(1000, "x" + "ü" * 100)
    assert built[1] == 2 + 123
    assert built[4:].decode() == "x" + "ü" * 61
    assert close_frame(1000, "ü" * 100)[4:].decode() == "ü" * 61


def test_binary_messages_are_handed_out_to_who_takes_them() -> None:
    parser = FrameParser(70_000)
    parser.takes_binary = True
    whole = b"\x00\xff" + bytes(300)
    sent = frame(BINARY, whole) + fragments(BINARY, b"a", b"b")
    assert list(parser.feed(sent)) == [Binary(whole), Binary(b"ab")]
    assert parser.odd_frames == 2
    assert events(frame(BINARY, whole)) == [Binary()]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_binary_frame_is_read_back(size: int) -> None:
    written = binary_frame(bytes(size))
    head = {0: 2, 125: 2, 126: 4, 65_535: 4}.get(size, 10)
    assert written[0] == 0x82
    assert len(written) == size + head
