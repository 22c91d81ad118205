"""Filters of events by their members."""

from typing import Any

import pytest

from hub.queries.language import NotAQuery, parse_members
from hub.queries.members import event_holds, member_of, paths_of

EVENT = {"valid": False, "code": "a-1", "data": {"temp": 7.5, "deep": {"x": True}}, "level": "WARN"}
RANKS = {"level": {"DEBUG": 0, "INFO": 1, "WARN": 2, "ERROR": 3}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("valid = false", True),
        ("valid = true", False),
        ("valid != true", True),
        ("valid = 0", False),
        ("data.temp > 7 and data.temp <= 7.5", True),
        ("data.temp < 7 or data.temp >= 8", False),
        ("data.temp = 7.5", True),
        ("data.temp > true", False),
        ("code > 3", False),
        ('code ~ "a-*"', True),
        ("data.temp ~ x", False),
        ("code in (a-1, b)", True),
        ("code not in (a-1, b)", False),
        ("has data.deep.x", True),
        ("has data.none", False),
        ("data.none != 1", False),
        ("not data.none = 1", True),
        ("code.inner = 1", False),
        ("level >= WARN", True),
        ("level > WARN", False),
        ("level < NONSENSE", False),
        ("data.deep.x = true", True),
        ('code = "2026"', False),
        ("code = 2026-11-30T00:00:00Z", False),
        ("connected", False),
    ],
)
def test_a_filter_holds_of_what_it_says(text: str, *, holds: bool) -> None:
    tree = parse_members(text)
    assert event_holds(tree, lambda path: member_of(EVENT, path), RANKS) is holds


def test_a_name_with_dots_goes_before_a_path() -> None:
    fields: dict[str, Any] = {"a.b": 1, "a": {"b": 2}}
    assert member_of(fields, "a.b") == 1
    assert member_of({"a": {"b": 2}}, "a.b") == 2


def test_the_members_that_it_names() -> None:
    assert paths_of(parse_members("valid = true or not data.x > 1")) == ["valid", "data.x"]


@pytest.mark.parametrize(
    ("text", "position"),
    [("valid =", 7), ("valid = now - 1m", 8), ("= 1", 0), ('code = "\\u0000"', 7)],
)
def test_what_is_wrong_is_told_with_its_place(text: str, position: int) -> None:
    with pytest.raises(NotAQuery) as caught:
        parse_members(text)
    assert caught.value.position == position
