"""Reads what people and programs ask for in the query language."""

from typing import Final

from msgspec import Struct

from hub.base.errors import FieldError, Invalid, UntrustedQuery, invalid
from hub.queries.groups import groups_of, is_trusted, is_volatile, names_groups, with_group_ids
from hub.queries.language import NotAQuery, parse
from hub.queries.records import Tree
from hub.queries.store import QueryStore
from protocol.ids import OrgId

__all__ = ["Explained", "QueryService", "Tree"]

FIELD: Final = "query"


class Explained(Struct, frozen=True):
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
        named = await self._store.group_ids(org)
        tree = with_group_ids(_parsed(text, field), named)
        if not is_trusted(tree, frozenset()):
            raise UntrustedQuery(
                f"{field}: a device could come in by what it says: name labels, groups and ids only"
            )
        gone = groups_of(tree).difference(named.values())
        if gone:
            raise invalid(field, f"there is no group {min(gone)}")
        return tree

    async def explain(self, org: OrgId, text: str) -> Explained:
        """The tree names the groups as the text does. Raises `Invalid`."""
        tree = _parsed(text, FIELD)
        trusted = is_trusted(await self._with_group_ids(org, tree), frozenset())
        return Explained(tree, trusted, is_volatile(tree))

    async def _with_group_ids(self, org: OrgId, tree: Tree) -> Tree:
        if not names_groups(tree):
            return tree
        return with_group_ids(tree, await self._store.group_ids(org))


def _parsed(text: str, field: str) -> Tree:
    try:
        return parse(text)
    except NotAQuery as error:
        fault = FieldError(field, error.message, position=error.position, expected=error.expected)
        raise Invalid(f"{field}: {error.message}", errors=[fault]) from None
