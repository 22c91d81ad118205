from typing import Any

import pytest

from hub.config.secrecy import hiding, may_hide

SECRET = {"type": "string", "writeOnly": True}
PASSWORD = {"properties": {"password": SECRET}}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"wifi": {"properties": {"password": SECRET}}}},
        {"properties": {"wifi": {"$ref": "#/$defs/wifi"}},
         "$defs": {"wifi": {"properties": {"password": SECRET}}}},
        {"additionalProperties": {"additionalProperties": {"$ref": "#/$defs/a~1b~0"}},
         "$defs": {"a/b~": SECRET}},
        {"allOf": [{"anyOf": [{"properties": {"wifi": {"patternProperties": {"^pass":
        SECRET}}}}]}]}, {"if": {}, "then": {"properties": {"wifi": {"oneOf": [{"properties":
        {"password": SECRET}}]}}}}, {"properties": {"wifi": {"patternProperties": {"(?<bad":
        SECRET}}}},
    ],
)  # fmt: skip
def test_what_is_marked_is_hidden_wherever_the_schema_says_it(schema: dict[str, Any]) -> None:
    shown = hiding(schema)({"wifi": {"password": "s3cret"}})
    assert shown == {"wifi": {"password": "hidden"}}


def test_what_is_not_marked_and_what_is_taken_out_is_shown() -> None:
    schema = {"properties": {"a": SECRET, "b": {"type": "string"}}}
    document = {"a": None, "b": "x", "c": [1, {"a": 2}]}
    assert hiding(schema)(document) == document
    assert hiding({})(document) == hiding()(document) == document


def test_members_of_lists_and_whole_objects_can_be_marked() -> None:
    schema = {
        "properties": {
            "keys": {"items": {"properties": {"key": SECRET}}},
            "pair": {"prefixItems": [SECRET]},
            "all": {"type": "object", "writeOnly": True},
        }
    }
    shown = hiding(schema)({"keys": [{"key": "x", "id": 1}], "pair": ["y"], "all": {"a": 1}})
    assert shown == {"keys": [{"key": "hidden", "id": 1}], "pair": ["hidden"], "all": "hidden"}


@pytest.mark.parametrize("reference", ["#", "#/$defs/loop", "#/nowhere/at/all", "elsewhere.json"])
def test_references_that_lead_nowhere_end(reference: str) -> None:
    schema = {"$ref": reference, "$defs": {"loop": {"$ref": "#/$defs/loop"}}}
    assert hiding(schema)({"a": {"b": 1}}) == {"a": {"b": 1}}


def test_a_schema_that_repeats_itself_hides_at_every_depth() -> None:
    schema = {"properties": {"next": {"$ref": "#"}, "key": SECRET}}
    document: dict[str, Any] = {"key": "x"}
    for _ in range(5):
        document = {"next": document, "key": "x"}
    assert "x" not in str(hiding(schema)(document)).replace("next", "")


def test_what_is_too_deep_to_be_known_is_hidden() -> None:
    document: Any = "deep"
    for _ in range(300):
        document = {"next": document}
    assert "deep" not in str(hiding({"properties": {"next": {"$ref": "#"}}})(document))


def test_a_pattern_is_for_the_members_that_it_matches() -> None:
    schema = {"patternProperties": {"^pass": SECRET}}
    assert hiding(schema)({"password": "x", "ssid": "y"}) == {"password": "hidden", "ssid": "y"}


def test_alternatives_that_refer_to_each_other_are_looked_at_once() -> None:
    loop = {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}
    schema = {**loop, "$defs": {"a": loop, "b": {**loop, **PASSWORD}}}
    assert hiding(schema)({"password": "x"}) == {"password": "hidden"}


def test_what_any_schema_marks_is_hidden() -> None:
    one, other = {"properties": {"a": SECRET}}, {"properties": {"b": {"properties": {"c": SECRET}}}}
    document = {"a": "x", "b": {"c": "y", "d": "z"}}
    assert hiding(one, {}, other)(document) == {"a": "hidden", "b": {"c": "hidden", "d": "z"}}


@pytest.mark.parametrize(
    ("schema", "marks"),
    [
        ({"$defs": {"a": [{"allOf": [SECRET]}]}}, True),
        ({"writeOnly": True}, True),
        ({"properties": {"writeOnly": {"type": "string"}}}, False),
        ({"properties": {"a": {"writeOnly": False}}}, False),
        (True, False),
    ],
)
def test_a_schema_may_hide_when_it_marks_anything(schema: object, *, marks: bool) -> None:
    assert may_hide(schema) is marks
