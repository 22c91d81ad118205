"""Whether arguments satisfy the schema of a command of the device's own. Pure.

The words are those of `protocol.own_schema`, read as JSON Schema (2020-12) reads them. The hub
judges by a library; a test compares the two.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from msgspec import Struct

from protocol.own_schema import Schema


class Violation(Struct, frozen=True):
    """`path` leads to the value: `args.axis`."""

    path: str
    why: str


def violation(schema: Schema, value: object, path: str = "args") -> Violation | None:
    """The first place where `value` is not as `schema` says."""
    return next(_violations(schema, value, path), None)


def _violations(schema: Schema, value: object, path: str) -> Iterator[Violation]:
    for word, ruled in schema.items():
        rule = _RULES.get(word)
        why = rule(ruled, value) if rule else ""
        if why:
            yield Violation(path, why)
    if isinstance(value, dict):
        yield from _of_members(schema, cast("dict[str, object]", value), path)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(cast("list[object]", value)):
            yield from _violations(schema["items"], item, f"{path}.{number}")


def _of_members(schema: Schema, value: dict[str, object], path: str) -> Iterator[Violation]:
    properties: dict[str, Schema] = schema.get("properties", {})
    others: Schema | bool = schema.get("additionalProperties", True)
    for name, member in value.items():
        ruled = properties.get(name, others)
        if ruled is False:
            yield Violation(f"{path}.{name}", "there is no such argument")
        elif isinstance(ruled, dict):
            yield from _violations(ruled, member, f"{path}.{name}")


def same(one: object, other: object) -> bool:
    """Equal as JSON: 1 is 1.0, and neither is true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        items, others = cast("list[object]", one), cast("list[object]", other)
        return len(items) == len(others) and all(map(same, items, others))
    if isinstance(one, dict) and isinstance(other, dict):
        fields, those = cast("dict[str, object]", one), cast("dict[str, object]", other)
        return fields.keys() == those.keys() and all(same(fields[n], those[n]) for n in fields)
    return one == other


def _is(kind: str, value: object) -> bool:
    match value:
        case None:
            return kind == "null"
        case bool():
            return kind == "boolean"
        case int():
            return kind in ("integer", "number")
        case float():
            return kind == "number" or (kind == "integer" and value.is_integer())
        case str():
            return kind == "string"
        case list():
            return kind == "array"
        case _:
            return kind == "object"


def _type(ruled: str | list[str], value: object) -> str:
    kinds = [ruled] if isinstance(ruled, str) else ruled
    good = any(_is(kind, value) for kind in kinds)
    return "" if good else f"must be of type {' or '.join(kinds)}"


def _required(ruled: list[str], value: object) -> str:
    members = cast("dict[str, object]", value) if isinstance(value, dict) else None
    missing = [name for name in ruled if members is not None and name not in members]
    return f"{missing[0]!r} is required" if missing else ""


def _enum(ruled: list[object], value: object) -> str:
    return "" if any(same(each, value) for each in ruled) else f"must be one of {ruled}"


def _const(ruled: object, value: object) -> str:
    return "" if same(ruled, value) else f"must be {ruled!r}"


def _pattern(ruled: str, value: object) -> str:
    good = not isinstance(value, str) or _compiled(ruled).search(value)
    return "" if good else f"must match {ruled}"


def _compiled(pattern: str) -> re.Pattern[str]:
    """Read as elsewhere: `$` is the very end, and `\\d` and `\\w` are of ASCII. (`re` caches.)"""
    return re.compile(_END.sub(r"\1\\Z", pattern), re.ASCII)


_END: Final = re.compile(r"((?<!\\)(?:\\\\)*)\$(?=\)|\||$)")


def _min_length(ruled: int, value: object) -> str:
    good = not isinstance(value, str) or len(value) >= ruled
    return "" if good else f"must have {ruled} characters at least"


def _max_length(ruled: int, value: object) -> str:
    good = not isinstance(value, str) or len(value) <= ruled
    return "" if good else f"must have {ruled} characters at most"


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _minimum(ruled: float, value: object) -> str:
    number = _number(value)
    return f"must be {ruled:g} at least" if number is not None and number < ruled else ""


def _maximum(ruled: float, value: object) -> str:
    number = _number(value)
    return f"must be {ruled:g} at most" if number is not None and number > ruled else ""


def _max_items(ruled: int, value: object) -> str:
    items = cast("list[object]", value) if isinstance(value, list) else None
    return f"must have {ruled} items at most" if items is not None and len(items) > ruled else ""


_RULES: Final[dict[str, Callable[[Any, object], str]]] = {
    "type": _type,
    "required": _required,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minimum": _minimum,
    "maximum": _maximum,
    "maxItems": _max_items,
}
"""Why a value is not as the word says; empty when it is. Members and items go their own way."""
