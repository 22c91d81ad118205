"""Reads what people and programs ask for in the query language."""

from typing import Final

from msgspec import Struct

from hub.base.errors import FieldError, Invalid
from hub.queries.groups import is_trusted, is_volatile, names_groups, with_group_ids
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

    async def read(self, org: OrgId, text: str) -> Tree:
        """With its groups by id. Raises `Invalid`, which says where and what it expected."""
        tree = _parsed(text)
        if not names_groups(tree):
            return tree
        return with_group_ids(tree, await self._store.group_ids(org))

    async def explain(self, org: OrgId, text: str) -> Explained:
        """The tree names the groups as the text does. Raises `Invalid`."""
        tree = await self.read(org, text)
        return Explained(_parsed(text), is_trusted(tree, frozenset()), is_volatile(tree))


def _parsed(text: str) -> Tree:
    try:
        return parse(text)
    except NotAQuery as error:
        fault = FieldError(FIELD, error.message, position=error.position, expected=error.expected)
        raise Invalid(f"{FIELD}: {error.message}", errors=[fault]) from None
