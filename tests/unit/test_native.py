"""The functions in C do what their twins in Python do. What those do is tested where they are."""

import sys
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.socket import framing
from hub.socket.framing import Event, FrameParser
from hub.telemetry import rows
from protocol import native
from tests.bench.fuzz.oracle import check
from tests.conformance.wire import frame
from tests.twins import PLACES

needs_compiled = pytest.mark.skipif(
    native.compiled is None, reason=f"no hot path in C: {native.reason}"
)
LIMIT = 70_000

payloads = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(str.encode),
    st.integers(0, LIMIT + 5).map(lambda size: b"x" * size),
)
frames = st.builds(
    frame,
    st.sampled_from([1, 1, 1, 1, 0, 2, 8, 9, 10, 3]),
    payloads,
    fin=st.sampled_from([True, True, True, False]),
    rsv=st.sampled_from([0, 0, 0, 0, 0, 0, 1]),
    mask=st.one_of(st.binary(min_size=4, max_size=4), st.none()),
    length=st.sampled_from([None] * 9 + [b"\x7e\x00\x05", b"\x7e\x00\x7e", b"\x7f" + bytes(8)]),
)
streams = st.lists(frames, max_size=8).map(b"".join)
numbers = st.integers(17, 40).map(lambda size: "9" * size)
jsons = st.lists(
    st.one_of(
        st.sampled_from([*':,[-{ "\t\r\n/;', "\\u0000", "\\u000", "\\", "{[" * 150]),
        st.sampled_from("0123456789"),
        numbers,
        st.text(max_size=30),
    ),
    max_size=30,
).map(lambda parts: "".join(parts).encode("utf-8", "replace"))


@pytest.fixture(scope="module")
def compiled() -> native.Compiled:
    assert native.compiled is not None
    return native.compiled


@needs_compiled
@given(st.one_of(streams, jsons, st.binary(max_size=700)))
@example(b"")
@example(b":" + b"1" * 18)
@example(b":" + b"1" * 19)
@example(b"x" + b"1" * 19 + b"y:" + b"1" * 19)
@example(b"{" * 256 + b"}" * 257)
@example(b"{" * 257 + b"}" * 256)
@example((2**63 - 1).to_bytes(8, "little") + b"{}")
@example((1 << 63).to_bytes(8, "little"))
def test_both_twins_give_the_same(compiled: native.Compiled, data: bytes) -> None:
    check(compiled, data)


@needs_compiled
@pytest.mark.parametrize("line", ["event_line", "status_line", "log_line"])
def test_no_row_has_a_column_of_another_kind(compiled: native.Compiled, line: str) -> None:
    write = getattr(compiled, line)
    for columns, error in (
        ((1.5,), TypeError),
        (("x",) * 9, TypeError),
        ((2**63,), OverflowError),
        (("\ud800",), UnicodeEncodeError),
    ):
        with pytest.raises(error):
            write(b"head", "now", *columns)


@needs_compiled
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(-(2**63), 0))
def test_both_twins_escape_alike(compiled: native.Compiled, text: str, number: int) -> None:
    check(compiled, text.encode())
    given = b"head", "now", "then", number, text, None, text[::-1]
    assert compiled.log_line(*given) == rows._log_line(*given)  # pyright: ignore[reportPrivateUsage]


@needs_compiled
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 65537])
def test_both_twins_agree_about_lengths(compiled: native.Compiled, size: int) -> None:
    check(compiled, b"x" * size)
    check(compiled, frame(1, b"x" * size))
    check(compiled, frame(1, b"x" * size)[:-1])


@needs_compiled
def test_no_offset_beyond_64_bits_is_written(compiled: native.Compiled) -> None:
    with pytest.raises(OverflowError):
        compiled.at_offset(b"{}", "e", 2**63)


@needs_compiled
@given(streams, st.lists(st.integers(0, 4000), max_size=10))
def test_both_parsers_hand_over_the_same(
    compiled: native.Compiled, stream: bytes, cuts: list[int]
) -> None:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    chunks = [stream[start:stop] for start, stop in pairwise(places)]

    assert _parsed(compiled, chunks) == _parsed(None, chunks)


def _parsed(compiled: native.Compiled | None, chunks: list[bytes]) -> tuple[list[Event], int]:
    parser = FrameParser(LIMIT)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("whole_texts", "unmask"):
            twin = getattr(framing, f"_{name}")
            patch.setattr(framing, name, getattr(compiled, name) if compiled else twin)
        return [event for chunk in chunks for event in parser.feed(chunk)], parser.odd_frames


@needs_compiled
def test_every_compiled_function_has_a_twin(compiled: native.Compiled) -> None:
    found = {name for name in dir(compiled) if callable(getattr(compiled, name)) and name[0] != "_"}

    assert found == set(PLACES)
    assert all(hasattr(place, f"_{name}") for name, place in PLACES.items())


@needs_compiled
@pytest.mark.parametrize("name", list(PLACES))
@pytest.mark.parametrize("given", [(), (bytearray(b"x" * 9), 4, 5), ("text", 4, 5), (None,)])
def test_an_argument_of_another_type_is_said(
    compiled: native.Compiled, name: str, given: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(compiled, name)(*given)


@needs_compiled
@pytest.mark.parametrize("place", [(3, 5), (5, 4), (4, 10), (-1, 4), (10, 10)])
def test_no_payload_beyond_the_data_is_unmasked(
    compiled: native.Compiled, place: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="no payload"):
        compiled.unmask(b"123456789", *place)


@needs_compiled
@pytest.mark.parametrize("position", [-1, -(2**62), 9, 10, 2**62])
def test_nothing_is_cut_from_beyond_the_data(compiled: native.Compiled, position: int) -> None:
    assert compiled.whole_texts(b"123456789", position, 100) == ([], position)


def test_the_switch_takes_the_python() -> None:
    assert native.load("off") == (None, "LONGLINE_NATIVE is off")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (native.digest(native.SOURCE.read_bytes()), ""),
        ("of another", "compiled from other sources: build it again"),
    ],
)
def test_only_what_was_compiled_from_the_sources_beside_it_is_taken(
    monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    there = SimpleNamespace(SOURCE=source)
    monkeypatch.setitem(sys.modules, "protocol._native", there)

    assert native.load("on") == (None if reason else there, reason)


def test_where_nothing_is_compiled_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "protocol._native", None)

    compiled, reason = native.load("on")

    assert compiled is None
    assert reason.startswith("not compiled")
