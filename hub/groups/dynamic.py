"""Groups that mean their members by a query, and may name each other. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from hub.base.errors import Conflict, TooMany
from hub.queries.records import Tree

LONGEST_CHAIN: Final = 3
"""Groups of which each names the next one."""
MOST: Final = 100
MOST_VOLATILE: Final = 20


class DynamicGroup(Struct, frozen=True, kw_only=True):
    group_id: str
    query: str
    tree: Tree
    named: frozenset[str]
    """Ids of the groups that the query names."""
    trusted: bool
    volatile: bool


def require_fine(group: DynamicGroup, among: Sequence[DynamicGroup]) -> None:
    """Whether an organisation may have a group, new or with another query, among these. Raises
    `Conflict` where they would name each other in a circle or in a chain too long, `TooMany`."""
    others = [each for each in among if each.group_id != group.group_id]
    _depths([*others, group])
    if len(others) >= MOST:
        raise TooMany(f"an organisation has {MOST} dynamic groups at most")
    if group.volatile and sum(each.volatile for each in others) >= MOST_VOLATILE:
        raise TooMany(f"an organisation has {MOST_VOLATILE} groups of volatile queries at most")


def in_order(groups: Sequence[DynamicGroup]) -> list[DynamicGroup]:
    """Each behind those that it names."""
    depths = _depths(groups)
    return sorted(groups, key=lambda group: (depths[group.group_id], group.group_id))


def named_by(groups: Sequence[DynamicGroup], group_id: str) -> bool:
    """Whether the query of one of these names the group."""
    return any(group_id in group.named for group in groups)


def _depths(groups: Sequence[DynamicGroup]) -> dict[str, int]:
    """Of each group, how long its chain is."""
    named = {group.group_id: group.named for group in groups}
    depths: dict[str, int] = {}

    def depth(group_id: str, above: tuple[str, ...]) -> int:
        if group_id in above:
            raise Conflict("groups would name each other in a circle")
        if len(above) == LONGEST_CHAIN:
            raise Conflict(f"groups name each other in a chain of {LONGEST_CHAIN} at most")
        further = [depth(each, (*above, group_id)) for each in sorted(named.get(group_id, ()))]
        depths[group_id] = 1 + max(further, default=0)
        return depths[group_id]

    for group_id in sorted(named):
        depth(group_id, ())
    return depths
