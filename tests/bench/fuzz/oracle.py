"""One input, given to both twins of each function: what comes out must be the same.

The fuzzer calls `check` with what it made up, the tests with what hypothesis did.
"""

from typing import Any, Final

from tests.twins import PLACES

LIMITS: Final = (0, 1, 125, 126, 1000, 1 << 20)


def check(compiled: Any, data: bytes) -> None:
    """Raises `AssertionError` where a function of `compiled` and its twin differ."""
    _same(compiled, "may_be_unstorable", data)
    place = data[0] % 16 if data else 0
    limit = LIMITS[data[-1] % len(LIMITS)] if data else 0
    _same(compiled, "whole_texts", data, place, limit)
    _same(compiled, "whole_texts", data, 0, 1 << 20)
    if len(data) >= 4:
        _same(compiled, "unmask", data, 4, len(data))
        _same(compiled, "unmask", data, len(data), len(data))
    _rows(compiled, data)
    _same(compiled, "text_frame", data)
    offset = int.from_bytes(data[:8], "little", signed=True)
    _same(compiled, "at_offset", data[8:], data[8:40].decode(errors="replace"), offset)


def _rows(compiled: Any, data: bytes) -> None:
    """`data` in each column; NULL as its first byte says. No body has control characters."""
    head, number = data[:3], int.from_bytes(data[:9], "little", signed=True) >> 9
    text, body = data.decode(errors="replace"), bytes(byte for byte in data if byte >= ord(" "))
    given = text[:5] if data[:1] < b"\x40" else None, number if data[:1] < b"\x80" else None
    _same(compiled, "event_line", head, "now", "then", "kind", *given, body)
    _same(compiled, "status_line", head, "now", "then", "ONLINE", body)
    _same(compiled, "log_line", head, "", "", number, given[0], text[5:] or None, text)


def _same(compiled: Any, name: str, *given: object) -> None:
    twin = getattr(PLACES[name], f"_{name}")
    got, wanted = getattr(compiled, name)(*given), twin(*given)
    assert got == wanted, f"{name}{given!r}: {got!r}, not {wanted!r}"
