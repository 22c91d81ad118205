from typing import Any

import pytest

from hub.base.errors import Invalid
from hub.own.description import UNDESCRIBED, Description, as_text, fault_of, from_text, raised
from protocol.commands import Danger
from protocol.own import CustomCommands, OwnCommand, OwnCommands

SCHEMA: dict[str, Any] = {"required": ["axis"], "properties": {"axis": {"enum": ["x", "y"]}}}
OWN = OwnCommands("h", ["calibrate"])
TYPES = frozenset({"force_sync", "custom.calibrate"})


def make_own(name: str = "calibrate", **fields: Any) -> OwnCommand:
    given: dict[str, Any] = {"danger": Danger.MEDIUM, "timeout_ms": 7, "schema": SCHEMA, **fields}
    return OwnCommand(name=name, **given)


def said(*commands: OwnCommand, digest: str = "h") -> CustomCommands:
    return CustomCommands(hash=digest, commands=list(commands))


def test_what_hello_named_is_believed() -> None:
    assert fault_of(said(make_own()), OWN, TYPES) == ""


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (said(make_own(), digest="other"), "hello did not name this hash"),
        (said(make_own(), make_own()), "a command is described twice"),
        (said(make_own("paint")), "not the commands that hello has named"),
        (said(), "not the commands that hello has named"),
        (said(make_own(title="x" * 100, schema={"title": "x" * 17_000})), "more than 16384 bytes"),
        (said(make_own(schema={"$ref": "#"})), "calibrate: schema.$ref: '$ref' is no word"),
        (said(make_own(schema={"pattern": "(a{1000}){1000}"})), "calibrate: schema: "),
    ],
)
def test_anything_else_is_not(answer: CustomCommands, fault: str) -> None:
    assert fault_of(answer, OWN, TYPES).startswith(fault)


def test_who_named_none_describes_none() -> None:
    assert fault_of(said(make_own()), None, TYPES) == "hello did not name this hash"


def test_it_says_on_what_terms_a_call_may_go() -> None:
    description = Description([make_own(redeliver=True)])
    terms = description.terms("calibrate", {"axis": "x"}, Danger.NO)
    assert (terms.danger, terms.timeout_ms, terms.redeliver) == (Danger.MEDIUM, 7, True)
    assert terms.problem is None
    assert description.terms("paint", {}, Danger.NO) is UNDESCRIBED


def test_wrong_arguments_are_named_by_their_path_and_never_shown() -> None:
    description = Description([make_own()])
    for _ in range(2):
        problem = description.terms("calibrate", {"axis": "hunter2"}, Danger.NO).problem
        assert isinstance(problem, Invalid)
        assert problem.detail.startswith("command.args.axis: ")
        assert [error.field for error in problem.errors] == ["command.args.axis"]
        assert "hunter2" not in problem.detail


def test_danger_is_raised_and_never_lowered() -> None:
    levels = [Danger.NO, Danger.MEDIUM, Danger.YES]
    for number, danger in enumerate(levels):
        for other, least in enumerate(levels):
            assert raised(danger, least) is levels[max(number, other)]


def test_it_is_kept_as_text_in_the_order_of_its_members() -> None:
    schema: dict[str, Any] = {"properties": {"z": {}, "a": {}}, "type": "object"}
    kept = from_text(as_text([make_own(schema=schema)])).commands["calibrate"]
    assert kept == make_own(schema=schema)
    assert list(kept.schema["properties"]) == ["z", "a"]
