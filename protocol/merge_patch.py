"""JSON merge patch (RFC 7396): how `push_config` changes a configuration, on both sides; and the
hash by which both sides know that they have the same."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

Document = dict[str, Any]

_EXACT: Final = 2.0**53
"""Below it every whole number is a float, too."""


def merge(target: object, patch: object) -> Any:
    """`target` after `patch`; neither is changed. The algorithm of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    fields = cast("Document", patch)
    merged: Document = dict(cast("Document", target)) if isinstance(target, dict) else {}
    for name, value in fields.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def leading_to(target: Document, known: Sequence[Document]) -> Document:
    """The patch that makes `target` of each of `known`; none of them holds null, because a merge
    leaves none. It names every member, so it also mends what a document has lost."""
    patch: Document = {name: None for each in known for name in each if name not in target}
    for name, value in target.items():
        below = [cast("Document", each[name]) for each in known if _is_object(each.get(name))]
        patch[name] = leading_to(value, below) if _is_object(value) else value
    return patch


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def hash_of(document: Document) -> str:
    """SHA-256 in hex; equal for equal JSON, whatever the order of members and however numbers are
    written (a database may keep 1e3 as 1000)."""
    return hashlib.sha256(msgspec.json.encode(canonical(document), order="sorted")).hexdigest()


def canonical(value: object) -> object:
    """`value`, decoded JSON, with each number in its one form."""
    match value:
        case bool():
            return value
        case int() | float():
            number = float(value)
            return int(number) if number.is_integer() and abs(number) < _EXACT else number
        case list():
            return [canonical(item) for item in cast("list[object]", value)]
        case dict():
            fields = cast("Document", value)
            return {name: canonical(item) for name, item in fields.items()}
        case _:
            return value
