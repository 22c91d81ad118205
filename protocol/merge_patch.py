"""JSON merge patch (RFC 7396): how `push_config` changes a configuration, on both sides."""

from collections.abc import Sequence
from typing import Any, cast

Document = dict[str, Any]


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
