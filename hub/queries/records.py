"""What a query says: a tree of comparisons. Pure."""

from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "in", "not in", "has"]
FieldName = Literal[
    "id",
    "name",
    "status",
    "connected",
    "version",
    "group",
    "label",
    "tag",
    "metric",
    "lastSeen",
    "createdAt",
    "connectionMode",
    "company",
    "productionLine",
    "config.status",
    "app",
    "certificate.expiresAt",
    "member",
]


class Field(Struct, frozen=True):
    """`key` is that of a label, a metric, an application, or of software beside the agent's own; of
    a `member` of an event, its path."""

    name: FieldName
    key: str | None = None


class FromNow(Struct, frozen=True):
    """A time that moves along: so many seconds after now."""

    seconds: int


Value = str | float | bool | datetime | FromNow


class Comparison(Struct, frozen=True):
    """`values` fit the field: just one, but for `in` and `not in`, and none for `has`."""

    field: Field
    operator: Operator
    values: tuple[Value, ...] = ()


class Not(Struct, frozen=True):
    part: "Tree"


class Both(Struct, frozen=True):
    """All of these parts hold."""

    parts: "tuple[Tree, ...]"


class Either(Struct, frozen=True):
    """One of these parts holds, at least."""

    parts: "tuple[Tree, ...]"


Tree = Comparison | Not | Both | Either


def comparisons(tree: Tree) -> list[Comparison]:
    """In the order of the text."""
    match tree:
        case Comparison():
            return [tree]
        case Not(part):
            return comparisons(part)
        case Both(parts) | Either(parts):
            return [each for part in parts for each in comparisons(part)]
        case _:
            assert_never(tree)
