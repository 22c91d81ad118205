"""What of a configuration nobody reads back: members that a schema marks `writeOnly`, the present
one or a former one: a secret does not become readable because the rules change. Pure.

They go to the device and stay in the database; whoever reads sees `hidden` in their place. A schema
may say it directly, by a reference within itself, or in any of its alternatives: where one of them
says so, the member is hidden.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from hub.audit.entries import HIDDEN, Hide
from protocol.merge_patch import Document

DEEPEST: Final = 200
"""What lies deeper in a configuration is hidden where the schema has rules."""
_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_FURTHER: Final = ("then", "else", "if", "not")


def hiding(*schemas: Document) -> Hide:
    """A function that hides in a document, or in a patch of one, what any of `schemas` marks."""

    def hide(document: Document) -> Document:
        for schema in schemas:
            document = cast("Document", _hidden(document, [schema], schema, DEEPEST))
        return document

    return hide


def may_hide(schema: Any) -> bool:
    """Whether it marks anything, wherever it says so."""
    left = [schema]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            if members.get("writeOnly") is True:
                return True
            left.extend(members.values())
        elif isinstance(value, list):
            left.extend(cast("list[Any]", value))
    return False


def _hidden(value: Any, schemas: list[Any], root: Document, deep: int) -> Any:
    if deep <= 0:
        return HIDDEN if any(isinstance(schema, dict) for schema in schemas) else value
    rules = [rule for schema in schemas for rule in _all_of(schema, root, set())]
    if value is not None and any(rule.get("writeOnly") is True for rule in rules):
        return HIDDEN
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {
            name: _hidden(each, [s for rule in rules for s in _of(rule, name)], root, deep - 1)
            for name, each in members.items()
        }
    if isinstance(value, list):
        within = [s for rule in rules for s in _of_items(rule)]
        return [_hidden(each, within, root, deep - 1) for each in cast("list[Any]", value)]
    return value


def _all_of(schema: Any, root: Document, seen: set[str]) -> Iterator[dict[str, Any]]:
    """A schema with everything that it combines; each reference once."""
    if not isinstance(schema, dict):
        return
    rule = cast("dict[str, Any]", schema)
    yield rule
    reference = rule.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        yield from _all_of(_resolved(reference, root), root, seen)
    for name in _ALTERNATIVES:
        for each in rule.get(name) or ():
            yield from _all_of(each, root, seen)
    for name in _FURTHER:
        yield from _all_of(rule.get(name), root, seen)


def _of(rule: dict[str, Any], name: str) -> Iterator[Any]:
    """The schemas of a member."""
    properties: dict[str, Any] = rule.get("properties") or {}
    patterns: dict[str, Any] = rule.get("patternProperties") or {}
    if name in properties:
        yield properties[name]
    else:
        yield rule.get("additionalProperties")
    for pattern, schema in patterns.items():
        if _matches(pattern, name):
            yield schema


def _of_items(rule: dict[str, Any]) -> Iterator[Any]:
    yield rule.get("items")
    yield from rule.get("prefixItems") or ()


def _matches(pattern: str, name: str) -> bool:
    """A pattern that Python cannot read matches everything: better one member too many."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _resolved(reference: str, root: Document) -> Any:
    """A reference within the schema; None for any other, which the schema cannot have."""
    found: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    return found if reference.startswith("#") else None
