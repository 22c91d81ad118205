"""What a default means in a schema, for generators that read it in one way only. Pure.

msgspec writes `default` for what may be left out of a body, and for what an answer carries anyway.
Generators of types make of every `default` a member that is always there: then no call compiles
that leaves out what it may. So a body says its defaults in words, and an answer says `required`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from hub.web.contract.shapes import Json

Components = dict[str, Json]


def tell_defaults(components: Components, *, bodies: Iterable[Json]) -> Components:
    """The same components; those that `bodies` refer to, directly or not, are what callers send."""
    sent = _reachable(components, bodies)
    return {
        name: _that_is_sent(schema) if name in sent else _that_is_answered(schema)
        for name, schema in components.items()
    }


def _that_is_sent(schema: Json) -> Json:
    return _with_members(schema, {n: _in_words(member) for n, member in _members(schema).items()})


def _in_words(member: Json) -> Json:
    if "default" not in member:
        return member
    rest = {word: value for word, value in member.items() if word != "default"}
    if not member["default"]:  # what everybody expects of a member that is not there
        return rest
    words = f"Default: {msgspec.json.encode(member['default']).decode()}."
    return {**rest, "description": f"{rest.get('description', '')} {words}".strip()}


def _that_is_answered(schema: Json) -> Json:
    members = _members(schema)
    there = [name for name, member in members.items() if "default" in member]
    if not there:
        return schema
    plain = {n: {w: v for w, v in m.items() if w != "default"} for n, m in members.items()}
    required = [*schema.get("required", ()), *there]
    return {**_with_members(schema, plain), "required": required}


def _members(schema: Json) -> Components:
    return schema.get("properties", {})


def _with_members(schema: Json, members: Components) -> Json:
    return {**schema, "properties": members} if members else schema


def _reachable(components: Components, schemas: Iterable[Json]) -> set[str]:
    found: set[str] = set()
    waiting = [name for schema in schemas for name in _references(schema)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(components[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _references(each)
    elif isinstance(value, dict):
        schema = cast("Json", value)
        if "$ref" in schema:
            yield str(schema["$ref"]).rpartition("/")[2]
        yield from (name for each in schema.values() for name in _references(each))
