"""Dynamic groups that name each other."""

import pytest

from hub.base.errors import Conflict, TooMany
from hub.groups.dynamic import (
    MOST,
    MOST_VOLATILE,
    DynamicGroup,
    in_order,
    named_by,
    require_fine,
)
from hub.queries.records import Comparison, Field


def group(group_id: str, *named: str, volatile: bool = False) -> DynamicGroup:
    return DynamicGroup(
        group_id=group_id,
        query="",
        tree=Comparison(Field("group"), "in", named),
        named=frozenset(named),
        trusted=True,
        volatile=volatile,
    )


def test_each_comes_behind_those_that_it_names() -> None:
    groups = [group("a", "c"), group("b"), group("c", "d", "by-hand"), group("d")]
    assert [each.group_id for each in in_order(groups)] == ["b", "d", "c", "a"]


@pytest.mark.parametrize(
    "groups",
    [
        [group("a", "a")],
        [group("a", "b"), group("b", "a")],
        [group("a", "b"), group("b", "c"), group("c", "a")],
        [group("a", "b"), group("b", "c"), group("c", "d"), group("d")],
        [group("a", "b"), group("b", "c"), group("c", "by-hand")],
    ],
)
def test_a_circle_and_a_long_chain_are_refused(groups: list[DynamicGroup]) -> None:
    with pytest.raises(Conflict):
        require_fine(groups[0], groups[1:])


def test_a_chain_of_three_is_fine() -> None:
    require_fine(group("a", "b"), [group("b", "c"), group("c"), group("x", "b", "by-hand")])


def test_another_query_of_a_group_counts_in_the_place_of_the_one_before() -> None:
    require_fine(group("a"), [group("a", "b"), group("b", "a")])
    require_fine(group("0"), [group(str(number)) for number in range(MOST)])


def test_there_are_so_many_and_no_more() -> None:
    volatile = [group(str(number), volatile=True) for number in range(MOST_VOLATILE)]
    with pytest.raises(TooMany, match="volatile"):
        require_fine(group("x", volatile=True), volatile)
    require_fine(group("x"), volatile)
    with pytest.raises(TooMany):
        require_fine(group("x"), [group(str(number)) for number in range(MOST)])


def test_a_group_is_named_or_not() -> None:
    groups = [group("a", "b"), group("b")]
    assert named_by(groups, "b")
    assert not named_by(groups, "a")
