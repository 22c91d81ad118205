"""What the device says of arguments, beside what the library of the hub says."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.base.own_schema import same, violation
from protocol.own_schema import TYPES, BadSchema, check_schema

NAMES = st.sampled_from(["a", "b", "axis"])
NUMBERS = st.integers(-5, 5) | st.sampled_from([0.5, 1.0, -2.0, 1e300, 2.5])
TEXT = st.text("ab1é😀-\n", max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PATTERNS = st.sampled_from(
    [
        "a",
        "^a",
        "a$",
        "^(a|b)$",
        "^[ab]{2}$",
        r"\d",
        r"^\w+$",
        "^(a$|b)",
        r"\\$",
        "[$]",
        "^$",
        r"\$",
    ]
)
COUNTS = st.integers(0, 4)


def schemas(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    types = st.sampled_from(TYPES)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "pattern": PATTERNS,
            "minLength": COUNTS,
            "maxLength": COUNTS,
            "minimum": NUMBERS,
            "maximum": NUMBERS,
            "items": inner,
            "maxItems": COUNTS,
            "title": TEXT,
            "description": TEXT,
            "default": VALUES,
        },
    )


SCHEMAS = st.recursive(schemas(st.just({})), schemas, max_leaves=4)


@given(SCHEMAS, VALUES)
def test_it_judges_as_the_hubs_library_does(schema: dict[str, Any], value: Any) -> None:
    check_schema(schema)
    is_valid: bool = jsonschema_rs.validator_for(schema).is_valid(value)
    assert (violation(schema, value) is None) == is_valid


@given(VALUES, VALUES)
def test_equality_is_that_of_json(one: Any, other: Any) -> None:
    assert same(one, other) == jsonschema_rs.validator_for({"const": one}).is_valid(other)


@pytest.mark.parametrize(
    ("schema", "value", "path", "why"),
    [
        ({"enum": ["x", "y"]}, "z", "args", "must be one of ['x', 'y']"),
        ({"const": 1}, 2, "args", "must be 1"),
        ({"required": ["axis"]}, {}, "args", "'axis' is required"),
        ({"type": ["string", "null"]}, 1, "args", "must be of type string or null"),
        ({"additionalProperties": False}, {"a": 1}, "args.a", "there is no such argument"),
        (
            {"properties": {"a": {"minLength": 2}}},
            {"a": "x"},
            "args.a",
            "must have 2 characters at least",
        ),
        ({"maxLength": 1}, "xx", "args", "must have 1 characters at most"),
        ({"items": {"minimum": 2}}, [2, 1], "args.1", "must be 2 at least"),
        ({"maximum": 2}, 2.5, "args", "must be 2 at most"),
        ({"maxItems": 0}, [1], "args", "must have 0 items at most"),
        ({"pattern": "^a$"}, "a\n", "args", "must match ^a$"),
    ],
)
def test_it_says_where_and_why(schema: dict[str, Any], value: Any, path: str, why: str) -> None:
    found = violation(schema, value)
    assert found is not None
    assert (found.path, found.why) == (path, why)


BAD: list[tuple[object, str]] = [
    ([], "schema"),
    ({"minlength": 1}, "schema.minlength"),
    ({"$ref": "#"}, "schema.$ref"),
    ({"properties": {"a": {"format": "date"}}}, "schema.properties.a.format"),
    ({"properties": {"a": True}}, "schema.properties.a"),
    ({"properties": []}, "schema.properties"),
    ({"items": [{}]}, "schema.items"),
    ({"additionalProperties": {"oneOf": []}}, "schema.additionalProperties.oneOf"),
    ({"additionalProperties": 1}, "schema.additionalProperties"),
    ({"type": "text"}, "schema.type"),
    ({"type": []}, "schema.type"),
    ({"type": [[]]}, "schema.type"),
    ({"required": ["a", "a"]}, "schema.required"),
    ({"required": [1]}, "schema.required"),
    ({"enum": []}, "schema.enum"),
    ({"enum": [float("nan")]}, "schema.enum"),
    ({"const": object()}, "schema.const"),
    ({"const": [{"a": float("inf")}]}, "schema.const"),
    ({"default": 2**64}, "schema.default"),
    ({"pattern": "("}, "schema.pattern"),
    ({"pattern": 1}, "schema.pattern"),
    ({"pattern": "(?P<a>x)"}, "schema.pattern"),
    ({"pattern": r"a\Z"}, "schema.pattern"),
    ({"pattern": "a{,3}"}, "schema.pattern"),
    ({"pattern": r"\07"}, "schema.pattern"),
    ({"minLength": -1}, "schema.minLength"),
    ({"maxItems": True}, "schema.maxItems"),
    ({"minimum": "1"}, "schema.minimum"),
    ({"maximum": float("inf")}, "schema.maximum"),
    ({"title": 1}, "schema.title"),
]


@pytest.mark.parametrize(("schema", "where"), BAD)
def test_other_words_and_values_are_refused(schema: object, where: str) -> None:
    with pytest.raises(BadSchema) as refused:
        check_schema(schema)
    assert refused.value.where == where
    assert str(refused.value).startswith(f"{where}: ")


def test_types_are_those_of_json() -> None:
    values: list[tuple[object, set[str]]] = [
        (None, {"null"}),
        (True, {"boolean"}),
        (1, {"integer", "number"}),
        (1.0, {"integer", "number"}),
        (1.5, {"number"}),
        ("", {"string"}),
        ([], {"array"}),
        ({}, {"object"}),
    ]
    for value, kinds in values:
        assert {kind for kind in TYPES if violation({"type": kind}, value) is None} == kinds


def test_all_members_and_items_are_looked_at() -> None:
    schema = {"properties": {"a": {"items": {"type": "string"}}}, "additionalProperties": {}}
    assert violation(schema, {"b": 1, "a": ["x", "y"]}) is None
    found = violation(schema, {"b": 1, "a": ["x", 1]})
    assert found is not None
    assert found.path == "args.a.1"


def test_a_schema_is_not_nested_for_ever() -> None:
    schema: dict[str, Any] = {}
    for _ in range(20):
        schema = {"items": schema}
    with pytest.raises(BadSchema, match="nested too deeply"):
        check_schema(schema)
