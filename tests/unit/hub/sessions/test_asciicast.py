"""What is recorded of a terminal."""

import json

from hub.sessions.asciicast import CastWriter, header


def test_what_is_shown_is_recorded_and_what_is_typed_is_not() -> None:
    cast = CastWriter(10.0)
    assert cast.line(b"\x00secret", 10.5) is None
    assert cast.line(b"\x03{}", 10.5) is None
    assert cast.line(b"\x01hi", 10.5) == '[0.5,"o","hi"]\n'
    assert cast.line(b"\x02err", 9.0) == '[0.0,"o","err"]\n'


def test_characters_across_messages() -> None:
    cast = CastWriter(0.0)
    whole = "é€".encode()
    assert cast.line(b"\x01" + whole[:1], 1.0) is None
    assert cast.line(b"\x02x", 1.0) == '[1.0,"o","x"]\n'
    assert cast.line(b"\x01" + whole[1:4], 2.0) == '[2.0,"o","é"]\n'
    assert cast.end(3.0) == '[3.0,"o","\ufffd"]\n'
    assert cast.end(3.0) == ""


def test_the_first_size_is_the_header_s() -> None:
    cast = CastWriter(0.0)
    assert cast.line(b'\x04{"Width":100,"Height":30}', 1.0) == '[1.0,"r","100x30"]\n'
    assert cast.line(b'\x04{"Width":80,"Height":24}', 2.0) == '[2.0,"r","80x24"]\n'
    assert cast.size == (100, 30)


def test_header() -> None:
    whole = json.loads(header(width=80, height=24, began=5.5, truncated=False))
    assert whole == {"version": 2, "width": 80, "height": 24, "timestamp": 5}
    assert json.loads(header(width=80, height=24, began=5.5, truncated=True))["truncated"] is True
