"""The groups that a query names, and whether its devices can be trusted. Pure."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final, assert_never

from hub.queries.facts import DeviceFacts
from hub.queries.fields import FIELDS
from hub.queries.matching import holds
from hub.queries.patterns import matches
from hub.queries.records import Both, Comparison, Either, FromNow, Not, Tree, comparisons

_NOBODY: Final = DeviceFacts(id="")
"""A device that nobody has named, labelled or put into a group."""
_ANY_TIME: Final = datetime.fromtimestamp(0, UTC)


def names_groups(tree: Tree) -> bool:
    return any(each.field.name == "group" for each in comparisons(tree))


def asks_for_group(tree: Tree, names: Collection[str]) -> bool:
    """Whether it names a group, by one of these; a pattern names none."""
    return any(
        each.field.name == "group" and each.operator != "~" and bool(set(names) & set(each.values))
        for each in comparisons(tree)
    )


def with_group_ids(tree: Tree, named: Mapping[str, str]) -> Tree:
    """Its groups by id. `named`: the id of each group of the organisation by its name. What is no
    name is an id."""
    match tree:
        case Comparison(field, asked, values) if field.name == "group" and values:
            if asked != "~":
                ids = tuple(named.get(str(value), str(value)) for value in values)
                return Comparison(field, asked, ids)
            wanted = str(values[0])
            pairs = named.items()
            return Comparison(
                field,
                "in",
                tuple(i for name, i in pairs if matches(wanted, name) or matches(wanted, i)),
            )
        case Comparison():
            return tree
        case Not(part):
            return Not(with_group_ids(part, named))
        case Both(parts):
            return Both(tuple(with_group_ids(part, named) for part in parts))
        case Either(parts):
            return Either(tuple(with_group_ids(part, named) for part in parts))
        case _:
            assert_never(tree)


def groups_of(tree: Tree) -> set[str]:
    """The ids of those that it names, once it names them by id."""
    return {str(v) for each in comparisons(tree) if each.field.name == "group" for v in each.values}


def is_trusted(tree: Tree, untrusted: frozenset[str]) -> bool:
    """Whether nobody gets in by what he says, measures or is called: `automation.md` 2.
    `untrusted`: ids of the groups that are not."""
    for each in comparisons(tree):
        if not FIELDS[each.field.name].is_trusted:
            return False
        if each.field.name == "id" and each.operator not in ("=", "in"):
            return False
        if each.field.name == "group" and (not each.values or untrusted.intersection(each.values)):
            return False
    return not holds(tree, _NOBODY, _ANY_TIME)


def is_volatile(tree: Tree) -> bool:
    return any(
        FIELDS[each.field.name].is_volatile
        or any(isinstance(value, FromNow) for value in each.values)
        for each in comparisons(tree)
    )
