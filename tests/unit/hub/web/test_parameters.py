"""Filters: what is wrong is said, nothing wrong is read as if it were right."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from hub.base.errors import Invalid
from hub.web.inputs import Query
from hub.web.parameters import arguments_of


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class Filters(Query, frozen=True, kw_only=True):
    needed: Annotated[str, Meta(min_length=1, max_length=9)]
    some_text: str | None = None
    since: datetime | None = None
    on: bool | None = None
    count: Annotated[int, Meta(ge=1, le=500)] = 50
    step: Annotated[float, Meta(gt=0)] | None = None
    word: Annotated[str, Meta(pattern=r"^[a-z]+$(?!\n)", description="A word.")] | None = None
    kind: Annotated[str, Meta(pattern="^a", extra={"takes": "what begins with a"})] | None = None
    colour: list[Colour] | None = None
    level: Literal["LOW", "HIGH"] | None = None


def given(*pairs: tuple[str, str]) -> dict[str, Any]:
    return arguments_of(Filters, [("needed", "x"), *pairs])


def test_each_kind_is_decoded_from_text() -> None:
    found = given(
        ("someText", "null"),
        ("since", "2026-01-02T03:04:05Z"),
        ("on", "false"),
        ("count", "7"),
        ("step", "0.5"),
        ("word", "ab"),
        ("level", "LOW"),
    )
    assert Filters(**found) == Filters(
        needed="x",
        some_text="null",
        since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        on=False,
        count=7,
        step=0.5,
        word="ab",
        level="LOW",
    )


def test_what_may_come_several_times_is_any_of_them() -> None:
    assert given(("colour", "RED"), ("colour", "BLUE"))["colour"] == [Colour.RED, Colour.BLUE]
    assert given(("colour", "RED"))["colour"] == [Colour.RED]
    assert "colour" not in given()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("on", "null", "takes true or false"),
        ("on", "", "takes true or false"),
        ("since", "null", "takes a time such as 2026-01-02T03:04:05Z (its + is written %2B)"),
        ("since", "2026-01-02T03:04:05 01:00", "takes a time such as"),
        ("count", "0", "takes a whole number from 1 to 500"),
        ("count", "null", "takes a whole number from 1 to 500"),
        ("step", "0", "takes a number above 0"),
        ("word", "A", "takes text of the pattern ^[a-z]+$"),
        ("kind", "b", "takes what begins with a"),
        ("needed", "", "takes 1 to 9 characters"),
        ("colour", "red", "takes one of RED, BLUE"),
        ("colour", "", "takes one of RED, BLUE"),
        ("level", "null", "takes one of"),
        ("other", "1", "unknown: the parameters are needed, someText, since"),
        ("", "1", "unknown: "),
    ],
)
def test_a_wrong_value_names_the_parameter_and_what_it_takes(
    name: str, text: str, said: str
) -> None:
    pairs = [(name, text)] if name == "needed" else [("needed", "x"), (name, text)]
    with pytest.raises(Invalid) as caught:
        arguments_of(Filters, pairs)
    (error,) = caught.value.errors
    assert error.field == (name or "query")
    assert error.message.startswith(said)


def test_what_may_come_once_and_comes_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="level: may be given only once"):
        given(("level", "LOW"), ("level", "LOW"))


def test_what_is_needed_is_missed() -> None:
    with pytest.raises(Invalid, match="needed: missing"):
        arguments_of(Filters, [])


def test_nothing_is_known_where_there_are_no_parameters() -> None:
    with pytest.raises(Invalid, match="limit: unknown: there are no parameters"):
        arguments_of(Query, [("limit", "1")])
