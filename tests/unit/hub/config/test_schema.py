import pytest

from hub.base.errors import Invalid
from hub.config.schema import Rule

PORT = {
    "type": "object",
    "properties": {"port": {"type": "integer", "maximum": 99}, "name": {"type": "string"}},
    "additionalProperties": False,
}


def test_what_violates_a_schema_is_named() -> None:
    rule = Rule(PORT)
    assert rule.problem({"port": 7}) is None
    problem = rule.problem({"port": 100, "name": 1})
    assert problem is not None
    assert sorted(error.field for error in problem.errors) == ["config.name", "config.port"]
    assert "config.port: the value is greater than the maximum of 99" in [
        f"{error.field}: {error.message}" for error in problem.errors
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no type"},
        {"properties": []},
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"pattern": "("},
    ],
)
def test_what_is_no_schema_is_refused_and_nothing_is_fetched(schema: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        Rule(schema)


def test_a_regular_expression_cannot_run_for_ever() -> None:
    rule = Rule({"properties": {"a": {"pattern": r"^(a+)+\1$"}}})
    assert rule.problem({"a": "a" * 60 + "b"}) is not None


@pytest.mark.parametrize(
    "rule",
    [
        {"minLength": 20},
        {"enum": ["x"]},
        {"const": "x"},
        {"pattern": "^x$"},
        {"type": "integer"},
        {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        {"not": {}},
        False,
    ],
)
def test_a_violation_names_the_member_and_the_rule_but_no_value(rule: object) -> None:
    schema = {"properties": {"password": rule}}
    problem = Rule(schema).problem({"password": "s3cret"})
    assert problem is not None
    assert [error.field for error in problem.errors] == ["config.password"]
    assert "s3cret" not in f"{problem.detail} {problem.errors}"


def test_no_value_is_named_for_what_holds_it() -> None:
    schema = {"uniqueItems": True, "oneOf": [{"required": ["x"]}], "additionalProperties": False}
    problem = Rule({"properties": {"all": schema, "list": schema}}).problem(
        {"all": {"password": "s3cret"}, "list": ["s3cret", "s3cret"]}
    )
    assert problem is not None
    assert "s3cret" not in f"{problem.detail} {problem.errors}"
