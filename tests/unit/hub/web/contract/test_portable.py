"""Schemas that generators in other languages can read."""

from importlib import import_module
from typing import Any

import pytest

from hub.routes import ROUTES, RULES
from hub.web.contract.asyncapi import asyncapi
from hub.web.contract.openapi import openapi
from hub.web.contract.portable import portable

re2: Any = import_module("re2")  # has no types
Json = dict[str, Any]
DOCUMENTS: dict[str, Json] = {
    "openapi": openapi(ROUTES, RULES, version="1"),
    "asyncapi": asyncapi(version="1"),
}


def parts_of(value: Any) -> list[Json]:
    """Every object in a document, at any depth."""
    if isinstance(value, list):
        return [part for each in value for part in parts_of(each)]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, dict):
        return []
    return [value, *(part for each in value.values() for part in parts_of(each))]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def test_what_only_python_means_is_said_in_other_words() -> None:
    assert portable({"a": [{"type": "string", "pattern": r"^x$(?!\n)"}]}) == {
        "a": [{"type": "string", "pattern": "^x$"}]
    }
    assert portable({"type": "object"}) == {"type": "object", "additionalProperties": True}
    assert portable({"type": "array"}) == {"type": "array", "items": {}}
    closed = {"type": "object", "properties": {"type": {"type": "string"}}}
    assert portable(closed) == closed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_pattern_is_one_that_re2_compiles(name: str) -> None:
    """Clients in Go compile patterns with it: no look-around, no references, bounded repeats."""
    patterns = {
        p["pattern"] for p in parts_of(DOCUMENTS[name]) if isinstance(p.get("pattern"), str)
    }
    assert patterns
    for pattern in patterns:
        re2.compile(pattern)


def test_re2_is_one_that_refuses() -> None:
    with pytest.raises(re2.error):
        re2.compile(r"^x$(?!\n)")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_object_is_bare_and_no_number_a_const(name: str) -> None:
    parts = parts_of(DOCUMENTS[name])
    words = {"properties", "additionalProperties", "patternProperties", "$ref", "allOf"}
    assert [p for p in parts if p.get("type") == "object" and not words & p.keys()] == []
    assert [p for p in parts if type(p.get("const")) is int] == []
