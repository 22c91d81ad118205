"""RFC 6455 frames, right and wrong, against a served connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.conformance.serving import Served, serving
from tests.conformance.wire import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    close,
    fragments,
    frame,
    request,
    text,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Frames = list[tuple[int, bytes]]
KIB = 1024
UTF8 = "κόσμε - ∀x∈∅ - 🙂".encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


def echoes(*payloads: bytes) -> Frames:
    return [(TEXT, payload) for payload in payloads]


def closed(code: int) -> Frames:
    return [(CLOSE, code.to_bytes(2, "big"))]


EMPTY_CLOSE: Final[Frames] = [(CLOSE, b"")]

GOOD: Final[dict[str, tuple[bytes, Frames]]] = {
    "empty text": (text(b""), echoes(b"")),
    "one byte": (text(b"x"), echoes(b"x")),
    **{
        f"text of {size} bytes": (text(b"x" * size), echoes(b"x" * size))
        for size in (124, 125, 126, 127, 128, 4096, 4097, 65535, 65536)
    },
    "UTF-8": (text(UTF8), echoes(UTF8)),
    "U+0000 in text": (text(b"a\0b"), echoes(b"a\0b")),
    "noncharacters": (text("\ufffe\uffff"), echoes("\ufffe\uffff".encode())),
    "the last code point": (text("\U0010ffff"), echoes("\U0010ffff".encode())),
    "a zero mask": (frame(TEXT, b"abc", mask=bytes(4)), echoes(b"abc")),
    "a mask of ones": (frame(TEXT, b"abc", mask=b"\xff" * 4), echoes(b"abc")),
    "a hundred messages": (text(b"a") * 100, echoes(b"a") * 100),
    "two fragments": (fragments(TEXT, b"ab", b"cd"), echoes(b"abcd")),
    "empty fragments": (fragments(TEXT, b"", b"", b""), echoes(b"")),
    "an empty fragment last": (fragments(TEXT, b"ab", b""), echoes(b"ab")),
    "256 fragments": (fragments(TEXT, *[b"x"] * 256), echoes(b"x" * 256)),
    "64 KiB in fragments": (fragments(TEXT, *[b"y" * KIB] * 64), echoes(b"y" * 64 * KIB)),
    "a code point over two fragments": (fragments(TEXT, UTF8[:3], UTF8[3:]), echoes(UTF8)),
    "a code point over four": (
        fragments(TEXT, *(b"\xf0", b"\x9f", b"\x99", b"\x82")),
        echoes("🙂".encode()),
    ),
    "two fragmented messages": (
        fragments(TEXT, b"a", b"b") + fragments(TEXT, b"c", b"d"),
        echoes(b"ab", b"cd"),
    ),
    "binary": (frame(BINARY, b"\xff\xfe"), echoes(b"binary")),
    "empty binary": (frame(BINARY), echoes(b"binary")),
    "long binary": (frame(BINARY, bytes(60 * KIB)), echoes(b"binary")),
    "fragmented binary": (fragments(BINARY, b"\xff", b"\xfe"), echoes(b"binary")),
    "binary, then text": (frame(BINARY, b"\xff") + text(b"a"), echoes(b"binary", b"a")),
    "ping": (frame(PING), [(PONG, b"")]),
    "ping with a payload": (frame(PING, b"hello"), [(PONG, b"hello")]),
    "ping with bytes that are no text": (frame(PING, b"\0\xff\xfe"), [(PONG, b"\0\xff\xfe")]),
    "ping of 125 bytes": (frame(PING, b"p" * 125), [(PONG, b"p" * 125)]),
    "ten pings": (
        b"".join(frame(PING, b"%d" % n) for n in range(10)),
        [(PONG, b"%d" % n) for n in range(10)],
    ),
    "pong": (frame(PONG, b"unasked"), []),
    "empty pong": (frame(PONG), []),
    "ping within a fragmented message": (
        frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(0, b"b"),
        [(PONG, b"p"), *echoes(b"ab")],
    ),
    "pongs within a fragmented message": (
        frame(TEXT, b"a", fin=False) + frame(PONG) * 3 + frame(0, b"b"),
        echoes(b"ab"),
    ),
    "ping within fragmented binary": (
        frame(BINARY, b"a", fin=False) + frame(PING) + frame(0, b"b"),
        [(PONG, b""), *echoes(b"binary")],
    ),
}
"""What is taken: then the connection is still open and is closed 1000 in the usual way."""

BAD: Final[dict[str, tuple[bytes, Frames]]] = {
    "not masked": (frame(TEXT, b"a", mask=None), closed(1002)),
    "ping not masked": (frame(PING, mask=None), closed(1002)),
    "close not masked": (frame(CLOSE, mask=None), closed(1002)),
    **{f"RSV bits {rsv:03b}": (frame(TEXT, b"a", rsv=rsv), closed(1002)) for rsv in range(1, 8)},
    "RSV on a ping": (frame(PING, rsv=4), closed(1002)),
    "RSV on a continuation": (
        frame(TEXT, b"a", fin=False) + frame(0, b"b", rsv=4),
        closed(1002),
    ),
    **{
        f"opcode {opcode:#x}": (frame(opcode, b"a"), closed(1002))
        for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)
    },
    "what came before a fault": (text(b"a") + frame(3), echoes(b"a") + closed(1002)),
    "fragmented ping": (frame(PING, b"a", fin=False), closed(1002)),
    "fragmented pong": (frame(PONG, b"a", fin=False), closed(1002)),
    "fragmented close": (frame(CLOSE, fin=False), closed(1002)),
    "ping of 126 bytes": (frame(PING, b"p" * 126), closed(1002)),
    "pong of 126 bytes": (frame(PONG, b"p" * 126), closed(1002)),
    "ping announced with 64 bits": (frame(PING, length=b"\x7f" + bytes(8)), closed(1002)),
    "close of 126 bytes": (frame(CLOSE, b"\x03\xe8" + b"r" * 124), closed(1002)),
    "5 in 16 bits": (frame(TEXT, b"hello", length=b"\x7e\x00\x05"), closed(1002)),
    "125 in 16 bits": (frame(TEXT, b"h" * 125, length=b"\x7e\x00\x7d"), closed(1002)),
    "5 in 64 bits": (frame(TEXT, b"hello", length=b"\x7f" + bytes(7) + b"\5"), closed(1002)),
    "65535 in 64 bits": (frame(TEXT, length=b"\x7f" + bytes(6) + b"\xff\xff"), closed(1002)),
    "a length of 2^63": (frame(TEXT, length=b"\x7f\x80" + bytes(7)), closed(1002)),
    "a length of 2^64 - 1": (frame(TEXT, length=b"\x7f" + b"\xff" * 8), closed(1002)),
    "1 GiB announced": (frame(TEXT, length=b"\x7f\0\0\0\0\x40\0\0\0"), closed(1009)),
    "1 GiB of binary announced": (frame(BINARY, length=b"\x7f\0\0\0\0\x40\0\0\0"), closed(1009)),
    "2^63 - 1 announced": (frame(TEXT, length=b"\x7f\x7f" + b"\xff" * 7), closed(1009)),
    "64 KiB and a byte": (text(b"x" * (64 * KIB + 1)), closed(1009)),
    "64 KiB and a byte, binary": (frame(BINARY, b"x" * (64 * KIB + 1)), closed(1009)),
    "64 KiB and a byte in fragments": (fragments(TEXT, b"x" * 64 * KIB, b"x"), closed(1009)),
    "a fragment that announces too much": (
        frame(TEXT, b"a", fin=False) + frame(0, length=b"\x7f\0\0\0\0\0\1\0\0"),
        closed(1009),
    ),
    "257 fragments": (fragments(TEXT, *[b"x"] * 257), closed(1009)),
    "257 binary fragments": (fragments(BINARY, *[b"x"] * 257), closed(1009)),
    "a million empty fragments": (
        frame(TEXT, fin=False) + frame(0, fin=False) * 1_000_000,
        closed(1009),
    ),
    "continuation of nothing": (frame(0, b"a"), closed(1002)),
    "unfinished continuation of nothing": (frame(0, b"a", fin=False), closed(1002)),
    "continuation after the end": (
        fragments(TEXT, b"a", b"b") + frame(0),
        [*echoes(b"ab"), *closed(1002)],
    ),
    "text within a text": (frame(TEXT, b"a", fin=False) + text(b"b"), closed(1002)),
    "binary within a text": (frame(TEXT, b"a", fin=False) + frame(BINARY), closed(1002)),
    "a fragment within a text": (frame(TEXT, b"a", fin=False) * 2, closed(1002)),
    **{
        f"UTF-8: {name}": (text(payload), closed(1007))
        for name, payload in {
            "lone continuation": b"\x80",
            "cut short": b"abc\xce",
            "cut short, four bytes": b"\xf0\x9f\x99",
            "overlong slash": b"\xc0\xaf",
            "overlong in three": b"\xe0\x80\xaf",
            "overlong NUL": b"\xc0\x80",
            "surrogate": b"\xed\xa0\x80",
            "pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
            "beyond U+10FFFF": b"\xf4\x90\x80\x80",
            "five bytes": b"\xf8\x88\x80\x80\x80",
            "FE": b"\xfe",
            "FF": b"a\xff",
            "wrong second byte": b"\xce\x61",
            "bad at the end of 5000": b"x" * 4999 + b"\xff",
        }.items()
    },
    "bad UTF-8 in one fragment": (fragments(TEXT, b"a", b"\xff", b"b"), closed(1007)),
    "UTF-8 cut by the end of fragments": (fragments(TEXT, b"a", b"\xce"), closed(1007)),
    "overlong over two fragments": (fragments(TEXT, b"\xc0", b"\xaf"), closed(1007)),
    "close with one byte": (frame(CLOSE, b"\x03"), closed(1002)),
    **{
        f"close code {code}": (close(code), closed(1002))
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "close with bad UTF-8": (close(1000, b"\xff"), closed(1007)),
    "close with cut UTF-8": (close(1000, b"ok \xce"), closed(1007)),
    **{
        f"the peer's close {code}": (close(code, "adiós".encode()), closed(code))
        for code in (
            *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014),
            *(3000, 3999, 4000, 4408, 4999),
        )
    },
    "the peer's close without a code": (close(), EMPTY_CLOSE),
    "the longest close": (close(1000, b"r" * 123), closed(1000)),
    "text after close": (close(1000) + text(b"late"), closed(1000)),
    "ping after close": (close(1000) + frame(PING), closed(1000)),
    "rubbish after close": (close(1000) + b"\xff" * 100, closed(1000)),
    "two closes": (close(1000) + close(1001), closed(1000)),
    "close within a fragmented message": (frame(TEXT, b"a", fin=False) + close(1000), closed(1000)),
    "text after a fault": (frame(3) + text(b"late"), closed(1002)),
}
"""What ends the connection, whether by a fault or not: nothing more is answered."""

ALL: Final = {
    **{name: (sent + close(1000), frames + closed(1000)) for name, (sent, frames) in GOOD.items()},
    **BAD,
}
CHOPPED: Final = {
    name: case
    for name, case in ALL.items()
    # Who goes on sending after the end finds the connection reset, and may lose the answer.
    if len(case[0]) <= 600 and "after" not in name and name != "two closes"
}


@pytest.mark.parametrize("name", ALL)
async def test_answers(served: Served, name: str) -> None:
    sent, expected = ALL[name]
    async with served.socket() as peer:
        peer.write(sent)
        assert await peer.frames() == expected


@pytest.mark.parametrize("name", CHOPPED)
async def test_answers_when_chopped_at_every_byte(served: Served, name: str) -> None:
    sent, expected = CHOPPED[name]
    async with served.socket() as peer:
        await peer.write_bytewise(sent)
        assert await peer.frames() == expected


@pytest.mark.parametrize("name", ["text of 125 bytes", "two fragments", "not masked"])
async def test_answers_what_came_in_one_segment_with_the_upgrade(served: Served, name: str) -> None:
    sent, expected = ALL[name]
    async with served.socket(request() + sent) as peer:
        assert await peer.frames() == expected


async def test_the_close_code_reaches_the_handler_once(served: Served) -> None:
    for sent, code in [(close(4001), 4001), (close(), 1005), (frame(3), 1002)]:
        async with served.socket() as peer:
            handler = served.gate.handlers[-1]
            peer.write(sent)
            await peer.rest()
        await asyncio.sleep(0)
        assert handler.codes == [code]
