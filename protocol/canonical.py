"""Canonical JSON (RFC 8785): one text for equal content, whoever writes it. Pure.

Members are in the order of their names as UTF-16; numbers are doubles, written as ECMAScript does;
strings are escaped only where they must be.
"""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, cast

_LONGEST: Final = 21
"""Digits before an exponent is written, here and below of zeros behind the point."""
_SMALLEST: Final = -6


def hash_of(document: dict[str, Any] | list[Any]) -> str:
    """SHA-256 in hex; equal for equal JSON, whatever the order of members and however numbers are
    written (a database may keep 1e3 as 1000)."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


def canonical_json(value: object) -> bytes:
    """`value` is decoded JSON: without NaN, infinity and lone surrogates."""
    return "".join(_parts(value)).encode()


def _parts(value: object) -> Iterator[str]:
    match value:
        case None:
            yield "null"
        case bool():
            yield "true" if value else "false"
        case int() | float():
            yield _number(float(value))
        case str():
            yield _text(value)
        case list():
            yield from _array(cast("list[object]", value))
        case dict():
            yield from _object(cast("dict[str, object]", value))
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON")


def _array(items: list[object]) -> Iterator[str]:
    yield "["
    for position, item in enumerate(items):
        if position:
            yield ","
        yield from _parts(item)
    yield "]"


def _object(fields: dict[str, object]) -> Iterator[str]:
    yield "{"
    for position, name in enumerate(sorted(fields, key=_order)):
        yield f"{',' if position else ''}{_text(name)}:"
        yield from _parts(fields[name])
    yield "}"


def _order(name: str) -> bytes:
    return name.encode("utf-16-be")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(number: float) -> str:
    """ECMA-262, Number::toString: the fewest digits that are read back as the same double."""
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "0"
    before = len(digits) + cast("int", exponent)
    """Digits before the point."""
    return ("-" if sign else "") + _notation(significant, before)


def _notation(digits: str, before: int) -> str:
    if len(digits) <= before <= _LONGEST:
        return digits.ljust(before, "0")
    if 0 < before <= _LONGEST:
        return f"{digits[:before]}.{digits[before:]}"
    if _SMALLEST < before <= 0:
        return "0." + "0" * -before + digits
    head, rest = digits[0], digits[1:]
    return f"{head}{'.' + rest if rest else ''}e{before - 1:+d}"
