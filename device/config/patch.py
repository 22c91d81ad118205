"""JSON merge patch (RFC 7396), and which of the agent's settings a change touches.

The pushed configuration is one JSON object. A change to one of `HOT` takes effect at once; every
other path that changed is reported as `restartRequired`: the agent, or another program on the
device that reads the same document, takes it up at its next start.
"""

from collections.abc import Iterator
from typing import Annotated, Final, cast

import msgspec
from msgspec import Meta, Struct

from protocol.commands import Level
from protocol.merge_patch import Document, merge

HOT: Final = frozenset(
    {"metrics.intervalSeconds", "logs.level", "outbox.maxEvents", "queue.maxRecords"}
)


class MetricsPart(Struct, frozen=True, rename="camel"):
    interval_seconds: Annotated[float, Meta(ge=1, le=3600)] | None = None


class LogsPart(Struct, frozen=True, rename="camel"):
    level: Level | None = None


class OutboxPart(Struct, frozen=True, rename="camel"):
    max_events: Annotated[int, Meta(ge=100, le=10_000_000)] | None = None


class QueuePart(Struct, frozen=True, rename="camel"):
    max_records: Annotated[int, Meta(ge=100, le=10_000_000)] | None = None


class PushedConfig(Struct, frozen=True, rename="camel"):
    """What the agent itself reads in the pushed document; everything else is other programs'."""

    metrics: MetricsPart = MetricsPart()
    logs: LogsPart = LogsPart()
    outbox: OutboxPart = OutboxPart()
    queue: QueuePart = QueuePart()


class ConfigChange(Struct, frozen=True):
    document: Document
    applied: list[str]
    restart_required: list[str]


def read(document: Document) -> PushedConfig:
    """The agent's own settings in `document`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(document, PushedConfig)


def plan(document: Document, patch: Document) -> ConfigChange:
    """What `patch` makes of `document`. Raises `msgspec.ValidationError` when the outcome holds a
    value that the agent cannot use; then nothing is to be changed."""
    merged = merge(document, patch)
    read(merged)
    touched = sorted(set(changed_paths(document, merged)))
    return ConfigChange(
        document=merged,
        applied=[path for path in touched if path in HOT],
        restart_required=[path for path in touched if path not in HOT],
    )


def changed_paths(before: object, after: object, path: str = "") -> Iterator[str]:
    """Dotted paths of the leaves that differ; a leaf is whatever is not an object with members.

    A member that is null counts as absent: a merge leaves none."""
    if not isinstance(before, dict) and not isinstance(after, dict):
        if _text(before) != _text(after):
            yield path
        return
    old = cast("Document", before) if isinstance(before, dict) else {}
    new = cast("Document", after) if isinstance(after, dict) else {}
    if not old and not new and before != after:
        yield path
    for name in {**old, **new}:
        below = f"{path}.{name}" if path else name
        yield from changed_paths(old.get(name), new.get(name), below)


def _text(value: object) -> bytes:
    # Python holds True and 1 to be equal; JSON does not.
    return msgspec.json.encode(value, order="sorted")
