"""A query as a condition of SQL. Pure. Values are parameters, and so are keys; the rest are the
texts below.

The statement around it has `d` (device), `s` (device_state), `l` (device_line), and what is
worked out of them: `connected`, `shown_status`. Each comparison ends in true or false, so there is
no third value; `matching.py` answers the same.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from msgspec import Struct

from hub.queries.fields import FIELDS, Kind
from hub.queries.patterns import regex
from hub.queries.records import (
    Both,
    Comparison,
    Either,
    Field,
    FromNow,
    Not,
    Tree,
    Value,
)
from hub.queries.versions import version_key

_COLUMNS: Final[Mapping[str, str]] = {
    "id": "d.device_id",
    "name": "d.name",
    "status": "shown_status",
    "connected": "connected",
    "version": "d.version",
    "lastSeen": "s.last_seen",
    "createdAt": "d.created_at",
    "connectionMode": "d.connection_mode",
    "company": "d.company_id",
    "productionLine": "d.production_line_id",
    "config.status": "(SELECT c.status FROM device_config c"
    " WHERE c.org_id = d.org_id AND c.device_id = d.device_id)",
    "certificate.expiresAt": "(SELECT max(c.expires_at) FROM certificate c"
    " WHERE c.org_id = d.org_id AND c.device_id = d.device_id AND c.ended_at IS NULL)",
}
_KEYED: Final[Mapping[str, str]] = {
    "version": "(l.software -> 'versions' ->> {key})",
    "metric": "(s.metrics ->> {key})::float8",
    "label": "(SELECT b.value FROM device_label b"
    " WHERE b.org_id = d.org_id AND b.device_id = d.device_id AND b.key = {key})",
    "app": "(SELECT a.revision FROM device_application a"
    " WHERE a.org_id = d.org_id AND a.device_id = d.device_id AND a.application = {key})",
}
_SETS: Final[Mapping[str, tuple[str, str]]] = {
    "group": ("device_group_member", "m.group_id"),
    "tag": ("device_label", "m.key"),
}
_TYPES: Final[Mapping[Kind, str]] = {
    "text": "text",
    "word": "text",
    "boolean": "boolean",
    "number": "float8",
    "time": "timestamptz",
    "version": "text",
    "set": "text",
}


class Condition(Struct, frozen=True):
    """`text` and `few` have their parameters from `$<first>` on."""

    text: str
    parameters: list[object]
    few: str = "true"
    """What an index knows of each device that is meant; of `device`, before all joins."""


def condition(tree: Tree, first: int) -> Condition:
    """Its groups are named by their ids (`groups.py`). A trusted query needs `d` only."""
    writer = _Writer(first)
    return Condition(writer.written(tree), writer.parameters)


def condition_of_list(tree: Tree, first: int) -> Condition:
    """With `few`, for a statement that would else go through all devices in their order."""
    writer = _Writer(first)
    text, few = writer.written(tree), writer.few(tree)
    return Condition(text, writer.parameters, few)


class _Writer:
    def __init__(self, first: int) -> None:
        self.parameters: list[object] = []
        self._first = first

    def written(self, tree: Tree) -> str:
        match tree:
            case Comparison():
                return self._comparison(tree)
            case Not(part):
                return f"NOT {self.written(part)}"
            case Both(parts):
                return f"({' AND '.join(map(self.written, parts))})"
            case Either(parts):
                return f"({' OR '.join(map(self.written, parts))})"
            case _:
                assert_never(tree)

    def few(self, tree: Tree) -> str:
        """By the first comparison that all of them fulfil."""
        for part in tree.parts if isinstance(tree, Both) else (tree,):
            if isinstance(part, Comparison) and part.operator in ("=", "in"):
                found = self._few(part)
                if found is not None:
                    return found
        return "true"

    def _few(self, asked: Comparison) -> str | None:
        match asked.field.name:
            case "id":
                return f"device_id = ANY ({self._texts(asked)})"
            case "label":
                key = self._parameter(asked.field.key, "text")
                return _some(
                    "device_label", f"m.key = {key} AND m.value = ANY ({self._texts(asked)})"
                )
            case "tag":
                return _some("device_label", f"m.key = ANY ({self._texts(asked)})")
            case "group":
                return _some("device_group_member", f"m.group_id = ANY ({self._texts(asked)})")
            case _:
                return None

    def _texts(self, asked: Comparison) -> str:
        return self._parameter([str(value) for value in asked.values], "text[]")

    def _parameter(self, value: object, kind: str) -> str:
        self.parameters.append(value)
        return f"${self._first + len(self.parameters) - 1}::{kind}"

    def _value(self, value: Value, kind: Kind) -> str:
        if isinstance(value, FromNow):
            return f"(now() + make_interval(secs => {self._parameter(value.seconds, 'int')}))"
        return self._parameter(value, _TYPES[kind])

    def _comparison(self, asked: Comparison) -> str:
        kind = FIELDS[asked.field.name].kind
        if kind == "set":
            return self._of_set(asked)
        if asked.field.name == "label" and asked.operator in ("=", "in"):
            return self._of_label(asked)
        column = self._column(asked.field)
        if asked.operator == "has":
            return f"({column} IS NOT NULL)"
        if asked.operator == "~":
            return f"coalesce({column} ~ {self._pattern(asked)}, false)"
        if kind == "version":
            return self._of_version(asked, column)
        if asked.operator in ("in", "not in"):
            among = "= ANY" if asked.operator == "in" else "<> ALL"
            return f"coalesce({column} {among} ({self._values(asked, kind)}), false)"
        operator = "<>" if asked.operator == "!=" else asked.operator
        return f"coalesce({column} {operator} {self._value(asked.values[0], kind)}, false)"

    def _values(self, asked: Comparison, kind: Kind) -> str:
        if any(isinstance(value, FromNow) for value in asked.values):
            return f"ARRAY[{', '.join(self._value(value, kind) for value in asked.values)}]"
        return self._parameter(list(asked.values), f"{_TYPES[kind]}[]")

    def _pattern(self, asked: Comparison) -> str:
        return self._parameter(regex(str(asked.values[0])), "text")

    def _column(self, field: Field) -> str:
        if field.key is None:
            return _COLUMNS[field.name]
        return _KEYED[field.name].format(key=self._parameter(field.key, "text"))

    def _of_label(self, asked: Comparison) -> str:
        """By the index of values."""
        key = self._parameter(asked.field.key, "text")
        values = self._texts(asked)
        return _exists("device_label", f"m.key = {key} AND m.value = ANY ({values})")

    def _of_set(self, asked: Comparison) -> str:
        table, column = _SETS[asked.field.name]
        if asked.operator == "has":
            return _exists(table, "true")
        if asked.operator == "~":
            return _exists(table, f"{column} ~ {self._pattern(asked)}")
        values = self._texts(asked)
        found = _exists(table, f"{column} = ANY ({values})")
        return found if asked.operator in ("=", "in") else f"NOT {found}"

    def _of_version(self, asked: Comparison, column: str) -> str:
        keys = [version_key(str(value)) for value in asked.values]
        if asked.operator in ("<", "<=", ">", ">="):
            key = self._parameter(keys[0], "text")
            return f'coalesce(version_key({column}) {asked.operator} {key} COLLATE "C", false)'
        versions = self._parameter([key for key in keys if key is not None], "text[]")
        pairs = zip(asked.values, keys, strict=True)
        texts = self._parameter([value for value, key in pairs if key is None], "text[]")
        same = (
            f"coalesce(version_key({column}) = ANY ({versions}), false) OR {column} = ANY ({texts})"
        )
        if asked.operator in ("=", "in"):
            return f"coalesce({same}, false)"
        return f"({column} IS NOT NULL AND NOT ({same}))"


def _exists(table: str, wanted: str) -> str:
    mine = "m.org_id = d.org_id AND m.device_id = d.device_id"
    return f"EXISTS (SELECT 1 FROM {table} m WHERE {mine} AND {wanted})"  # noqa: S608 - our texts


def _some(table: str, wanted: str) -> str:
    of_org = "m.org_id = device.org_id"
    return f"device_id IN (SELECT m.device_id FROM {table} m WHERE {of_org} AND {wanted})"  # noqa: S608 - our texts
