"""The words by which a device rules the arguments of its own commands. Pure.

A schema is JSON Schema (2020-12) of a few words only, so that the device can judge arguments
without a library and the console can draw a form. Both sides refuse a schema with other words.
"""

import re
from collections.abc import Callable
from typing import Any, Final, cast

from protocol.codec import refuse_unstorable
from protocol.errors import InvalidMessage

Schema = dict[str, Any]

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
MOST_DEPTH: Final = 16
"""Schemas within each other."""
_EXTENSIONS: Final = re.compile(r"\(\?(?!:|=|!|<=|<!)|\\[AZNa0]|(?<!\\)\{(?!\d)")
"""What Python reads in a pattern, and the hub and browsers do not."""


class BadSchema(Exception):
    """`where` leads to the word, which is its last part: `properties.axis.minlength`."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


def check_schema(schema: object, where: str = "schema", depth: int = 0) -> None:
    """Raises `BadSchema` for another word, or for one that has no such value."""
    if not isinstance(schema, dict):
        raise BadSchema(where, "must be an object")
    if depth >= MOST_DEPTH:
        raise BadSchema(where, "nested too deeply")
    for word, value in cast("dict[str, object]", schema).items():
        at = f"{where}.{word}"
        if word not in _WORDS:
            raise BadSchema(at, f"{word!r} is no word of a schema: {', '.join(_WORDS)}")
        why = _WORDS[word](value)
        if why:
            raise BadSchema(at, why)
        _check_within(word, value, at, depth + 1)


def _check_within(word: str, value: object, at: str, depth: int) -> None:
    if word == "items" or (word == "additionalProperties" and not isinstance(value, bool)):
        check_schema(value, at, depth)
    elif word == "properties":
        for name, each in cast("dict[str, object]", value).items():
            check_schema(each, f"{at}.{name}", depth)


def _type(value: object) -> str:
    names = cast("list[object]", value) if isinstance(value, list) else [value]
    good = bool(names) and all(name in TYPES for name in names)
    return "" if good else f"must be one of {', '.join(TYPES)}, or a list of these"


def _object(value: object) -> str:
    return "" if isinstance(value, dict) else "must be an object"


def _names(value: object) -> str:
    good = isinstance(value, list) and all(
        isinstance(name, str) for name in cast("list[object]", value)
    )
    return "" if good and _distinct(cast("list[object]", value)) else "must be a list of names"


def _distinct(names: list[object]) -> bool:
    return len(set(names)) == len(names)


def _more(value: object) -> str:
    return "" if isinstance(value, (bool, dict)) else "must be true, false or a schema"


def _values(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of values"
    return _json(cast("list[object]", value))


def _json(value: object) -> str:
    if not _is_json(value):
        return "must be of JSON: text, a number, true, false, a list or an object"
    try:
        refuse_unstorable(value)
    except InvalidMessage as error:
        return error.message
    return ""


def _is_json(value: object) -> bool:
    match value:
        case float():
            return value - value == 0  # neither infinite nor NaN
        case None | bool() | int() | str():
            return True
        case list():
            return all(map(_is_json, cast("list[object]", value)))
        case dict():
            return all(map(_is_json, cast("dict[str, object]", value).values()))
        case _:
            return False


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        return "must be a regular expression"
    if _EXTENSIONS.search(value):
        return f"{value!r} holds what not every regular expression has"
    try:
        re.compile(value)
    except re.error as error:
        return f"{value!r} is no regular expression: {error}"
    return ""


def _count(value: object) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if good else "must be a whole number, 0 or more"


def _number(value: object) -> str:
    good = isinstance(value, int | float) and not isinstance(value, bool) and _is_json(value)
    return "" if good else "must be a number"


def _text(value: object) -> str:
    return "" if isinstance(value, str) else "must be text"


_WORDS: Final[dict[str, Callable[[object], str]]] = {
    "type": _type,
    "properties": _object,
    "required": _names,
    "additionalProperties": _more,
    "enum": _values,
    "const": _json,
    "pattern": _pattern,
    "minLength": _count,
    "maxLength": _count,
    "minimum": _number,
    "maximum": _number,
    "items": _object,
    "maxItems": _count,
    "title": _text,
    "description": _text,
    "default": _json,
}
"""Each word, and why it cannot have a value; empty when it can."""
