"""Filters: what is wrong is said, nothing wrong is read as if it were right."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, field

from hub.base.errors import Invalid
from hub.web.inputs import Body, Query
from hub.web.parameters import arguments_of, check_moments


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


class Part(Body, frozen=True, kw_only=True):
    begins_at: datetime


class Whole(Body, frozen=True, kw_only=True):
    ends_at: datetime | None = None
    part: Part | None = None
    parts: list[Part] = field(default_factory=list)
    others: dict[str, Any] = field(default_factory=dict)


FIRST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
GOOD = Part(begins_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (Whole(ends_at=LAST), "endsAt"),
        (Whole(part=Part(begins_at=FIRST)), "part.beginsAt"),
        (Whole(parts=[GOOD, Part(begins_at=LAST)]), "parts[1].beginsAt"),
    ],
)
def test_a_moment_that_utc_does_not_have_is_refused_in_a_body(body: Whole, name: str) -> None:
    with pytest.raises(Invalid, match="out of range") as refused:
        check_moments(body)
    assert [each.field for each in refused.value.errors] == [name]


def test_other_moments_of_a_body_are_taken() -> None:
    check_moments(Whole(ends_at=GOOD.begins_at, part=GOOD, parts=[GOOD], others={"a": 1}))
