"""What a device gets of the configuration from its groups. Pure.

The documents of its groups are merged by rising priority, then by the id of the group; the device's
own part is merged over them (RFC 7396). A member that a group sets to null takes away what a group
below it gives; the device's own part holds no null, so a member that is taken out of it falls back
to the value of a group.
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from msgspec import Struct

from protocol.merge_patch import Document, merge

OWN: Final = "own"
"""The source of a member of the device's own part."""


class GroupDefault(Struct, frozen=True, kw_only=True):
    group_id: str
    priority: int
    document: Document


def defaults_of(groups: Sequence[GroupDefault]) -> Document:
    """What the groups give together."""
    merged: Document = {}
    for group in _in_order(groups):
        merged = merge(merged, group.document)
    return merged


def sources_of(groups: Sequence[GroupDefault], own: Document) -> dict[str, str]:
    """Where each leaf comes from, by its dotted path: the id of a group, or `own`."""
    sources: dict[str, str] = {}
    for name, document in [*((g.group_id, g.document) for g in _in_order(groups)), (OWN, own)]:
        for path, is_removed in _leaves(document):
            for covered in [p for p in sources if _is_at_or_below(p, path) or _is_above(p, path)]:
                del sources[covered]
            if not is_removed:
                sources[path] = name
    return dict(sorted(sources.items()))


def due(rate_per_minute: int, second: int) -> int:
    """How many devices of a group get their turn in this second, of so many a minute."""
    return rate_per_minute * (second + 1) // 60 - rate_per_minute * second // 60


def _in_order(groups: Sequence[GroupDefault]) -> list[GroupDefault]:
    return sorted(groups, key=lambda group: (group.priority, group.group_id))


def _leaves(document: Document, path: str = "") -> Iterator[tuple[str, bool]]:
    """Each leaf, and whether it is null: what is not an object with members is a leaf."""
    for name, value in document.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value:
            yield from _leaves(cast("Document", value), below)
        else:
            yield below, value is None


def _is_at_or_below(path: str, of: str) -> bool:
    return path == of or path.startswith(f"{of}.")


def _is_above(path: str, of: str) -> bool:
    return of.startswith(f"{path}.")
