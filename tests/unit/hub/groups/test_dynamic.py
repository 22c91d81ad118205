"""Dynamic groups that name each other."""

import pytest

from hub.base.errors import Conflict
from hub.groups.dynamic import DynamicGroup, in_order, named_by, require_fine_chain
from hub.queries.records import Comparison, Field


def group(group_id: str, *named: str) -> DynamicGroup:
    return DynamicGroup(
        group_id=group_id,
        query="",
        tree=Comparison(Field("group"), "in", named),
        named=frozenset(named),
        trusted=True,
        volatile=False,
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
        require_fine_chain(groups)


def test_a_chain_of_three_is_fine() -> None:
    require_fine_chain([group("a", "b"), group("b", "c"), group("c"), group("x", "b", "by-hand")])


def test_a_group_is_named_or_not() -> None:
    groups = [group("a", "b"), group("b")]
    assert named_by(groups, "b")
    assert not named_by(groups, "a")
