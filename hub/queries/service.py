"""Reads what people and programs ask for in the query language."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from hub.base.errors import FieldError, Invalid, UntrustedQuery, invalid
from hub.queries.groups import (
    asks_for_group,
    groups_of,
    is_trusted,
    is_volatile,
    names_groups,
    with_group_ids,
)
from hub.queries.language import NotAQuery, parse, parse_members
from hub.queries.records import Tree
from hub.queries.store import NamedGroups, QueryStore
from protocol.ids import OrgId

__all__ = [
    "Explained",
    "GroupQuery",
    "QueryService",
    "Tree",
    "groups_of",
    "members_of",
    "read_members",
    "tree_of",
]

FIELD: Final = "query"


class Explained(Struct, frozen=True):
    tree: Tree
    trusted: bool
    volatile: bool


class GroupQuery(Struct, frozen=True, kw_only=True):
    """Whom a dynamic group means."""

    text: str
    words: Mapping[str, str]
    """Of the groups that it names, the id of each by its name."""
    tree: Tree
    trusted: bool
    volatile: bool


class QueryService:
    def __init__(self, store: QueryStore) -> None:
        self._store = store

    async def read(self, org: OrgId, text: str, *, field: str = FIELD) -> Tree:
        """With its groups by id. Raises `Invalid`, which says where and what it expected."""
        return await self._with_group_ids(org, _parsed(text, field))

    async def read_trusted(self, org: OrgId, text: str, *, field: str = FIELD) -> Tree:
        """One that no device gets into by itself, of groups that there are. Raises `Invalid`,
        `UntrustedQuery`."""
        groups = await self._store.groups(org)
        tree = with_group_ids(_parsed(text, field), groups.ids)
        if not is_trusted(tree, groups.untrusted):
            raise UntrustedQuery(
                f"{field}: a device could come in by what it says: name labels, groups and ids only"
            )
        _require_there(tree, groups, field)
        return tree

    async def read_for_group(self, org: OrgId, text: str) -> GroupQuery:
        """Of a dynamic group. Raises `Invalid`, also for a group that is not there, and
        `UntrustedQuery` for one that a device may come into by what it says."""
        groups = await self._store.groups(org)
        tree = with_group_ids(_parsed(text, FIELD), groups.ids)
        _require_there(tree, groups, FIELD)
        named = groups_of(tree)
        untrusted = named & groups.untrusted
        if untrusted:
            raise UntrustedQuery(f"{FIELD}: the group {min(untrusted)} has an untrusted query")
        return GroupQuery(
            text=text,
            words=_words(groups, named),
            tree=tree,
            trusted=is_trusted(tree, groups.untrusted),
            volatile=is_volatile(tree),
        )

    async def read_kept(self, org: OrgId, text: str) -> Mapping[str, str]:
        """The words of a query that is kept, by which `tree_of` reads it again. Raises `Invalid`,
        also for a group that is not there."""
        groups = await self._store.groups(org)
        tree = with_group_ids(_parsed(text, FIELD), groups.ids)
        _require_there(tree, groups, FIELD)
        return _words(groups, groups_of(tree))

    def asks_for_group(self, text: str, names: Collection[str]) -> bool:
        """Whether a query names a group, by one of these. Raises `Invalid`."""
        return asks_for_group(_parsed(text, FIELD), names)

    async def meant(self, org: OrgId, tree: Tree) -> frozenset[str]:
        """The devices that a trusted query means now. Raises `Unavailable`."""
        return await self._store.meant(org, tree)

    async def explain(self, org: OrgId, text: str) -> Explained:
        """The tree names the groups as the text does. Raises `Invalid`."""
        tree = _parsed(text, FIELD)
        groups = await self._store.groups(org)
        trusted = is_trusted(with_group_ids(tree, groups.ids), groups.untrusted)
        return Explained(tree, trusted, is_volatile(tree))

    async def _with_group_ids(self, org: OrgId, tree: Tree) -> Tree:
        if not names_groups(tree):
            return tree
        return with_group_ids(tree, (await self._store.groups(org)).ids)


@lru_cache(maxsize=1000)
def _parsed_before(text: str) -> Tree:
    return parse(text)


def tree_of(text: str, words: Mapping[str, str]) -> Tree:
    """Of a query that was read for a group, with its groups by id."""
    return with_group_ids(_parsed_before(text), words)


@lru_cache(maxsize=1000)
def members_of(text: str) -> Tree:
    """Of a filter of events that was read before."""
    return parse_members(text)


def read_members(text: str, field: str) -> Tree:
    """A filter of events by their members. Raises `Invalid`."""
    try:
        return parse_members(text)
    except NotAQuery as error:
        raise _invalid(error, field) from None


def _words(groups: NamedGroups, named: Collection[str]) -> dict[str, str]:
    """Of these groups, the id of each by its name."""
    return {name: group_id for name, group_id in groups.ids.items() if group_id in named}


def _require_there(tree: Tree, groups: NamedGroups, field: str) -> None:
    gone = groups_of(tree).difference(groups.ids.values())
    if gone:
        raise invalid(field, f"there is no group {min(gone)}")


def _parsed(text: str, field: str) -> Tree:
    try:
        return parse(text)
    except NotAQuery as error:
        raise _invalid(error, field) from None


def _invalid(error: NotAQuery, field: str) -> Invalid:
    fault = FieldError(field, error.message, position=error.position, expected=error.expected)
    return Invalid(f"{field}: {error.message}", errors=[fault])
