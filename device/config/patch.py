"""What a change of the configuration touches: settings of the agent, and other programs'.

The pushed configuration is one JSON object. A change to one of `HOT` takes effect at once, one to
`CUTTING` when the agent has restarted itself. Every other path that changed is other programs', and
is reported as `restartRequired`: they take it up when they read the document again.

The agent's own settings are changed only where its file lets them be (`pushable`).
"""

from collections.abc import Collection, Iterator
from typing import Annotated, Final, cast

import msgspec
from msgspec import Meta, Struct

from protocol.commands import Level
from protocol.merge_patch import Document, merge

HOT: Final = frozenset(
    {"metrics.intervalSeconds", "logs.level", "outbox.maxEvents", "queue.maxRecords"}
)
CUTTING: Final = frozenset({"hub", "tls.caFile", "tls.useSystemStore", "proxy"})
"""What can cut the line to the hub."""


class MetricsPart(Struct, frozen=True, rename="camel"):
    interval_seconds: Annotated[float, Meta(ge=1, le=3600)] | None = None


class LogsPart(Struct, frozen=True, rename="camel"):
    level: Level | None = None


class OutboxPart(Struct, frozen=True, rename="camel"):
    max_events: Annotated[int, Meta(ge=100, le=10_000_000)] | None = None


class QueuePart(Struct, frozen=True, rename="camel"):
    max_records: Annotated[int, Meta(ge=100, le=10_000_000)] | None = None


class TlsPart(Struct, frozen=True, rename="camel"):
    ca_file: str | None = None
    use_system_store: bool | None = None


class PushedConfig(Struct, frozen=True, rename="camel"):
    """What the agent itself reads in the pushed document; everything else is other programs'."""

    metrics: MetricsPart = MetricsPart()
    logs: LogsPart = LogsPart()
    outbox: OutboxPart = OutboxPart()
    queue: QueuePart = QueuePart()
    hub: str | None = None
    tls: TlsPart = TlsPart()
    proxy: str | None = None


class NotPushable(Exception):
    """A setting of the agent that its file does not let be pushed."""


class ConfigChange(Struct, frozen=True):
    document: Document
    applied: list[str]
    restart_required: list[str]

    @property
    def changes_anything(self) -> bool:
        return bool(self.applied or self.restart_required)

    @property
    def cuts(self) -> bool:
        """Whether it can cut the line, and takes a restart of the agent."""
        return not CUTTING.isdisjoint(self.applied)


def read(document: Document) -> PushedConfig:
    """The agent's own settings in `document`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(document, PushedConfig)


def plan(document: Document, patch: Document, pushable: Collection[str]) -> ConfigChange:
    """What `patch` makes of `document`. Raises `msgspec.ValidationError` when the outcome holds a
    value that the agent cannot use, and `NotPushable`; then nothing is to be changed."""
    return replacing(document, merge(document, patch), pushable)


def replacing(before: Document, after: Document, pushable: Collection[str]) -> ConfigChange:
    """The same of a whole document in place of another."""
    read(after)
    touched = sorted(set(changed_paths(before, after)))
    own = [path for path in touched if path in HOT or path in CUTTING]
    for path in own:
        if path.partition(".")[0] not in pushable:
            raise NotPushable(f"{path}: the device's own file does not let it be pushed")
    return ConfigChange(
        document=after,
        applied=own,
        restart_required=[path for path in touched if path not in own],
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
