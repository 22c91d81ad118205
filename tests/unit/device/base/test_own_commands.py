from typing import Any

import msgspec
import pytest

from device.base.own_commands import (
    ArgumentsRefused,
    BadOwnCommand,
    OwnCommandSettings,
    check_commands,
    description,
    fill_in,
    judge,
    misshapen_command,
)
from protocol.codec import encode
from protocol.commands import Danger

AXIS: dict[str, Any] = {"required": ["axis"], "properties": {"axis": {"enum": ["x", "y", "-z"]}}}


def make_own(**fields: Any) -> OwnCommandSettings:
    given = {"argv": ["calibrate", "--axis", "{axis}"], "schema": AXIS, **fields}
    return msgspec.convert(given, OwnCommandSettings)


def of_one(name: str, kind: dict[str, Any], argv: str = "{a}") -> OwnCommandSettings:
    return make_own(argv=["p", argv], schema={"required": [name], "properties": {name: kind}})


def test_a_value_is_one_argument_whatever_is_in_it() -> None:
    own = of_one("a", {"type": "string"})
    assert fill_in(own, {"a": "x; id `id` $(id) {b}"}) == (["p", "x; id `id` $(id) {b}"], b"")


def test_what_is_no_text_is_json() -> None:
    for value, text in (
        (-5, "-5"),
        (2.5, "2.5"),
        (True, "true"),
        (None, "null"),
        ([1, "a"], '[1,"a"]'),
    ):
        assert fill_in(of_one("a", {}), {"a": value})[0] == ["p", text]  # fmt: skip


def test_text_begins_no_item_with_a_dash_unless_the_schema_lists_it() -> None:
    with pytest.raises(ArgumentsRefused, match=r"args\.a: may not begin"):
        fill_in(of_one("a", {"type": "string"}), {"a": "-rf"})
    assert fill_in(make_own(), {"axis": "-z"})[0][2] == "-z"
    assert fill_in(of_one("a", {}, "--a={a}"), {"a": "-rf"})[0] == ["p", "--a=-rf"]
    with pytest.raises(ArgumentsRefused, match=r"U\+0000"):
        fill_in(of_one("a", {}), {"a": "\0"})


def test_what_is_left_out_has_its_default() -> None:
    schema = {"properties": {"n": {"type": "integer", "default": 3}}}
    own = make_own(argv=["p", "{n}"], schema=schema)
    assert fill_in(own, {}) == (["p", "3"], b"")
    assert fill_in(own, {"n": 4}) == (["p", "4"], b"")
    reads = make_own(argv=["p"], stdin="json", schema=schema)
    assert fill_in(reads, {"more": [1]}) == (["p"], b'{"n":3,"more":[1]}')


def test_arguments_are_judged() -> None:
    own = make_own()
    assert judge(own, {"axis": "x"}) == ""
    assert judge(own, {"axis": "w"}).startswith("args.axis: must be one of")
    assert judge(own, {}) == "args: 'axis' is required"
    assert judge(own, {"axis": "x", "b": 1}) == "args.b: there is no such argument"
    assert judge(own, {"axis": "x", "secrets": {}}) == "args.secrets: no name of an argument"
    reads = make_own(argv=["p"], stdin="json")
    assert judge(reads, {"axis": "x", "b": 1}) == ""


def test_the_description_says_what_was_declared_and_has_its_hash() -> None:
    own = make_own(title="Calibrate", timeout_seconds=1.5, danger="medium", redeliver=True)
    said = description({"calibrate": own})
    (command,) = said.commands
    assert (command.name, command.title, command.danger) == (
        "calibrate",
        "Calibrate",
        Danger.MEDIUM,
    )
    assert (command.timeout_ms, command.redeliver) == (1500, True)
    assert command.schema == {"type": "object", "additionalProperties": False, **AXIS}
    assert said.hash == description({"calibrate": own}).hash
    assert said.hash != description({"calibrate": make_own()}).hash
    assert encode(said).startswith(b'{"type":"custom_commands","hash":"')


GOOD: dict[str, Any] = {"argv": ["p", "{axis}"], "schema": AXIS}


def of(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": properties, "required": ["secrets"] if "secrets" in properties else []}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"schema": {**AXIS, "minlength": 1}}, "schema.minlength: 'minlength' is no word"),
        ({"schema": {**AXIS, "type": "array"}}, "schema.type: arguments are an object"),
        ({"argv": ["{axis}"]}, "the program itself"),
        ({"argv": ["p", "{b}"]}, "not both in argv and among schema.properties: axis, b"),
        ({"schema": of(axis={})}, "in argv, but neither required nor with a default: axis"),
        ({"argv": ["p", "{secrets}"], "schema": of(secrets={})}, "secrets is no name of an arg"),
        ({"argv": ["p"], "stdin": "json", "schema": of(signature={})}, "signature is no name"),
        ({"stdin": "json"}, "argv has placeholders, and stdin is json"),
        ({"schema": {**AXIS, "additionalProperties": True}}, "schema.additionalProperties: argv"),
        (
            {"schema": of(axis={"type": "integer", "default": "x"})},
            "the default of axis must be of type integer",
        ),
    ],
)
def test_what_nobody_could_run_is_refused_in_one_line(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(BadOwnCommand) as refused:
        check_commands({"c": msgspec.convert({**GOOD, **fields}, OwnCommandSettings)})
    assert str(refused.value).startswith(f"command c: {why}")
    assert "\n" not in str(refused.value)


def test_a_name_is_one() -> None:
    with pytest.raises(BadOwnCommand, match="command Calibrate: not a name"):
        check_commands({"Calibrate": make_own()})


def test_they_are_few_and_their_description_is_short() -> None:
    check_commands({f"c{n}": make_own() for n in range(32)})
    check_commands({"reads": make_own(argv=["p"], stdin="json")})
    with pytest.raises(BadOwnCommand, match="33 are too many"):
        check_commands({f"c{n}": make_own() for n in range(33)})
    long = make_own(schema={**AXIS, "description": "x" * 20_000})
    with pytest.raises(BadOwnCommand, match="take 20"):
        check_commands({"c": long})


def test_the_decoder_does_not_name_the_command_so_it_is_looked_for() -> None:
    assert misshapen_command({"c": GOOD, "d": {"argv": []}}).startswith("command d: ")
    assert misshapen_command({"c": {**GOOD, "secs": 1}}).startswith("command c: ")
    assert misshapen_command({"c": GOOD}) == ""
    assert misshapen_command([]) == ""
