"""JSON merge patch (RFC 7396): how `push_config` changes a configuration, on both sides."""

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
