"""Labels of a device: what people note of it, a text by each key. A tag is a label without a value.
Pure."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from msgspec import Meta

from hub.base.errors import Conflict, invalid

MOST: Final = 64
Label = Annotated[str, Meta(max_length=256)]
LabelKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$(?!\n)")]
Labels = Annotated[dict[LabelKey, Label], Meta(max_length=MOST)]
LabelsPatch = Annotated[dict[LabelKey, Label | None], Meta(max_length=2 * MOST)]
"""None takes a label away."""
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=MOST)]


def tags_of(labels: Mapping[str, str]) -> list[str]:
    return sorted(key for key, value in labels.items() if not value)


def merged(labels: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    """Raises `Invalid` when they are too many."""
    both = {**labels, **patch}
    return _bounded("labels", {key: value for key, value in both.items() if value is not None})


def filled(labels: Mapping[str, str], further: Mapping[str, str]) -> dict[str, str]:
    """With further ones as far as there is room; what it has is not touched."""
    room = MOST - len(labels)
    new = [(key, value) for key, value in further.items() if key not in labels]
    return {**labels, **dict(new[:room])}


def tagged(labels: Mapping[str, str], tags: Iterable[str]) -> dict[str, str]:
    """With just these tags, and the labels that have a value. Raises `Conflict` for a tag whose key
    has a value, `Invalid` when they are too many."""
    valued = {key: value for key, value in labels.items() if value}
    wanted = dict.fromkeys(tags, "")
    for key in sorted(valued.keys() & wanted.keys()):
        raise Conflict(f"the label {key} has a value: take it away before it is a tag")
    return _bounded("tags", {**valued, **wanted})


def _bounded(field: str, labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > MOST:
        raise invalid(field, f"a device has {MOST} labels at most, tags among them")
    return labels
