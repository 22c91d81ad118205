"""Whether an event is one of those that somebody means, by its members. Pure.

A member is named by its path (`valid`, `data.temp`). Values compare with their like alone: a number
with a number, a text with a text; anything else, and what is missing, makes a comparison false.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never, cast

from hub.queries.patterns import matches
from hub.queries.records import Both, Comparison, Either, Not, Operator, Tree, Value, comparisons

Member = Callable[[str], Any]
"""What there is at a path; None for nothing."""
_ORDERED: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def member_of(fields: Mapping[str, Any], path: str) -> Any:
    """None for nothing. A name with dots in it goes before a path."""
    if path in fields:
        return fields[path]
    head, _, rest = path.partition(".")
    inner = fields.get(head)
    if not rest or not isinstance(inner, dict):
        return None
    return member_of(cast("dict[str, Any]", inner), rest)


def paths_of(tree: Tree) -> list[str]:
    return [each.field.key or "" for each in comparisons(tree)]


def event_holds(tree: Tree, member: Member, ranks: Mapping[str, Mapping[str, int]]) -> bool:
    """`ranks`: of members whose words have an order, the place of each word."""
    match tree:
        case Comparison():
            return _compares(tree, member, ranks)
        case Not(part):
            return not event_holds(part, member, ranks)
        case Both(parts):
            return all(event_holds(part, member, ranks) for part in parts)
        case Either(parts):
            return any(event_holds(part, member, ranks) for part in parts)
        case _:
            assert_never(tree)


def _compares(asked: Comparison, member: Member, ranks: Mapping[str, Mapping[str, int]]) -> bool:
    path = asked.field.key or ""
    found = member(path)
    if found is None:
        return False
    match asked.operator:
        case "has":
            return True
        case "=" | "in":
            return any(_is(found, value) for value in asked.values)
        case "!=" | "not in":
            return not any(_is(found, value) for value in asked.values)
        case "~":
            return isinstance(found, str) and matches(str(asked.values[0]), found)
        case _:
            return _is_ordered(asked.operator, found, asked.values[0], ranks.get(path))


def _is(found: Any, value: Value) -> bool:
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    return bool(found == value)


def _is_ordered(asked: Operator, found: Any, value: Any, ranks: Mapping[str, int] | None) -> bool:
    if ranks is not None:
        found, value = ranks.get(found), ranks.get(value)
    if not (_is_number(found) and _is_number(value)):
        return False
    return _ORDERED[asked](found, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
