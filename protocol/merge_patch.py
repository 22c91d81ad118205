"""JSON merge patch (RFC 7396): how `push_config` changes a configuration, on both sides; and the
hash by which both sides know that they have the same."""

import hashlib
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


def difference(before: Document, after: Document) -> Document:
    """The patch that makes `after` of `before`. Neither holds null: a merge leaves none."""
    patch: Document = {name: None for name in before if name not in after}
    for name, new in after.items():
        if name not in before:
            patch[name] = new
        elif _text(before[name]) != _text(new):
            patch[name] = _step(before[name], new)
    return patch


def _step(before: object, after: object) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return difference(cast("Document", before), cast("Document", after))
    return after


def _text(value: object) -> bytes:
    # Python holds True and 1 to be equal; JSON does not.
    return msgspec.json.encode(canonical(value), order="sorted")


def hash_of(document: Document) -> str:
    """SHA-256 in hex; equal for equal JSON, whatever the order of members and however numbers are
    written (a database may keep 1e3 as 1000)."""
    return hashlib.sha256(_text(document)).hexdigest()


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
