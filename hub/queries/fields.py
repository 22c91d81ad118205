"""The fields that a query may name: which values and operators each takes. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from msgspec import Struct

from hub.queries.records import Field, FieldName, Operator
from protocol.frames import ConnectionMode
from protocol.telemetry import ShownStatus

Kind = Literal["text", "word", "boolean", "number", "time", "version", "set"]
"""A word is one of a few, without regard to case; a set has many texts at once."""

_EQUAL: Final[tuple[Operator, ...]] = ("=", "!=", "in", "not in", "has")
_ORDER: Final[tuple[Operator, ...]] = ("<", "<=", ">", ">=")
OPERATORS: Final[Mapping[Kind, tuple[Operator, ...]]] = {
    "text": (*_EQUAL, "~"),
    "word": (*_EQUAL, "~"),
    "boolean": _EQUAL,
    "number": (*_EQUAL, *_ORDER),
    "time": (*_EQUAL, *_ORDER),
    "version": (*_EQUAL, *_ORDER, "~"),
    "set": (*_EQUAL, "~"),
}


class FieldRule(Struct, frozen=True, kw_only=True):
    kind: Kind
    words: tuple[str, ...] = ()
    """All that a word may be."""
    is_trusted: bool = False
    """Nothing that a device says, measures, or is called at its enrolment changes it."""
    is_volatile: bool = False
    """It changes without anybody having changed the device."""


FIELDS: Final[Mapping[FieldName, FieldRule]] = {
    "id": FieldRule(kind="text", is_trusted=True),
    "name": FieldRule(kind="text"),
    "status": FieldRule(kind="word", words=get_args(ShownStatus), is_volatile=True),
    "connected": FieldRule(kind="boolean", is_volatile=True),
    "version": FieldRule(kind="version", is_volatile=True),
    "group": FieldRule(kind="set", is_trusted=True),
    "label": FieldRule(kind="text", is_trusted=True),
    "tag": FieldRule(kind="set", is_trusted=True),
    "metric": FieldRule(kind="number", is_volatile=True),
    "lastSeen": FieldRule(kind="time", is_volatile=True),
    "createdAt": FieldRule(kind="time"),
    "connectionMode": FieldRule(kind="word", words=get_args(ConnectionMode)),
    "company": FieldRule(kind="text"),
    "productionLine": FieldRule(kind="text"),
    "config.status": FieldRule(
        kind="word", words=("in_sync", "pending", "failed", "rolled_back"), is_volatile=True
    ),
    "app": FieldRule(kind="text", is_volatile=True),
    "certificate.expiresAt": FieldRule(kind="time", is_volatile=True),
}
KEYED: Final[frozenset[FieldName]] = frozenset({"label", "metric", "app"})
"""With a key behind a dot; `version` may have one."""
NAMES: Final[tuple[str, ...]] = tuple(
    f"{name}.<{'type' if name == 'version' else 'key'}>" if name in KEYED else name
    for name in FIELDS
)


def field_named(word: str) -> Field | None:
    """None when there is no such field."""
    for name in FIELDS:
        if word == name and name not in KEYED:
            return Field(name)
    head, dot, key = word.partition(".")
    return with_key(head, key) if dot and key else None


def with_key(head: str, key: str) -> Field | None:
    """`head."key"`; None when there is no such field, or it takes no key."""
    for name in (*KEYED, "version"):
        if head == name:
            return Field(name, key)
    return None


def shown(field: Field) -> str:
    return field.name if field.key is None else f"{field.name}.{field.key}"
