"""Whether a device is among those that a query means. Pure: the same answer as `compiled.py` gives
by the database, a comparison with what is missing is false."""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from hub.queries.facts import DeviceFacts
from hub.queries.fields import FIELDS
from hub.queries.patterns import matches as fits
from hub.queries.records import (
    Both,
    Comparison,
    Either,
    Field,
    FromNow,
    Not,
    Operator,
    Tree,
    Value,
)
from hub.queries.versions import version_key

_ORDERED: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(tree: Tree, device: DeviceFacts, now: datetime) -> bool:
    """Its groups are named by their ids (`groups.py`)."""
    match tree:
        case Comparison():
            return _compares(tree, device, now)
        case Not(part):
            return not holds(part, device, now)
        case Both(parts):
            return all(holds(part, device, now) for part in parts)
        case Either(parts):
            return any(holds(part, device, now) for part in parts)
        case _:
            assert_never(tree)


def _compares(asked: Comparison, device: DeviceFacts, now: datetime) -> bool:
    kind = FIELDS[asked.field.name].kind
    if kind == "set":
        return _compares_set(asked, _set(asked.field, device))
    found = _found(asked.field, device)
    if found is None:
        return False
    values = [_present(value, now) for value in asked.values]
    if kind == "version":
        return _compares_version(asked.operator, found, values)
    return _compares_one(asked.operator, found, values)


def _compares_one(asked: Operator, found: Any, values: list[Any]) -> bool:
    match asked:
        case "has":
            return True
        case "=" | "in":
            return found in values
        case "!=" | "not in":
            return found not in values
        case "~":
            return fits(values[0], found)
        case _:
            return _ORDERED[asked](found, values[0])


def _compares_version(asked: Operator, found: str, values: list[str]) -> bool:
    match asked:
        case "=" | "in":
            return any(_is_version(found, value) for value in values)
        case "!=" | "not in":
            return not any(_is_version(found, value) for value in values)
        case "<" | "<=" | ">" | ">=":
            key, other = version_key(found), version_key(values[0])
            return key is not None and other is not None and _ORDERED[asked](key, other)
        case _:
            return _compares_one(asked, found, values)


def _is_version(found: str, wanted: str) -> bool:
    key = version_key(wanted)
    return found == wanted if key is None else version_key(found) == key


def _compares_set(asked: Comparison, found: Iterable[str]) -> bool:
    match asked.operator:
        case "has":
            return any(True for _ in found)
        case "~":
            wanted = str(asked.values[0])
            return any(fits(wanted, each) for each in found)
        case "!=" | "not in":
            return not any(each in asked.values for each in found)
        case _:
            return any(each in asked.values for each in found)


def _set(field: Field, device: DeviceFacts) -> Iterable[str]:
    return device.group_ids if field.name == "group" else device.labels


def _present(value: Value, now: datetime) -> Any:
    return now + timedelta(seconds=value.seconds) if isinstance(value, FromNow) else value


def _found(field: Field, device: DeviceFacts) -> Any:
    match field:
        case Field("version", str(key)):
            return device.versions.get(key)
        case Field("label", str(key)):
            return device.labels.get(key)
        case Field("metric", str(key)):
            return device.metrics.get(key)
        case Field("app", str(key)):
            return device.apps.get(key)
        case _:
            return _PLAIN[field.name](device)


_PLAIN: Final[Mapping[str, Callable[[DeviceFacts], Any]]] = {
    "id": lambda device: device.id,
    "name": lambda device: device.name,
    "status": lambda device: device.status,
    "connected": lambda device: device.connected,
    "version": lambda device: device.version,
    "lastSeen": lambda device: device.last_seen,
    "createdAt": lambda device: device.created_at,
    "connectionMode": lambda device: device.connection_mode,
    "company": lambda device: device.company,
    "productionLine": lambda device: device.production_line,
    "config.status": lambda device: device.config_status,
    "certificate.expiresAt": lambda device: device.certificate_expires_at,
}
