"""A query's tree, as people are shown it. Pure."""

from datetime import datetime
from typing import Any, assert_never

from hub.queries.fields import shown as field_shown
from hub.queries.records import Both, Comparison, Either, FromNow, Not, Tree, Value
from protocol.codec import rfc3339


def shown(tree: Tree) -> dict[str, Any]:
    match tree:
        case Comparison(field, operator, values):
            head = {"field": field_shown(field), "operator": operator}
            return {**head, "values": [_value(each) for each in values]}
        case Not(part):
            return {"operator": "not", "parts": [shown(part)]}
        case Both(parts):
            return {"operator": "and", "parts": [shown(part) for part in parts]}
        case Either(parts):
            return {"operator": "or", "parts": [shown(part) for part in parts]}
        case _:
            assert_never(tree)


def _value(value: Value) -> Any:
    match value:
        case FromNow(seconds):
            return {"secondsFromNow": seconds}
        case datetime():
            return rfc3339(value)
        case _:
            return value
