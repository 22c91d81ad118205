"""Failures by the minute: whoever tries a thousand names must not write a thousand rows. Pure.

The first failure of a kind is told at once, those that follow within its minute are counted, and
the count is told when the minute is over. Past a bound of kinds those that are new count as one.
"""

from collections.abc import Hashable
from typing import Final

import msgspec
from msgspec import Struct

from hub.audit.entries import AuditEntry

MINUTE: Final = 60.0
MOST_KINDS: Final = 1_000


class _Sum(Struct):
    entry: AuditEntry
    until: float
    more: int = 0


class Sums:
    """`now`: monotonic seconds."""

    def __init__(self, most_kinds: int = MOST_KINDS) -> None:
        self._most = most_kinds
        self._sums: dict[Hashable, _Sum] = {}

    def add(self, entry: AuditEntry, now: float) -> bool:
        """Whether it is the first of its kind, to be told now."""
        kind: Hashable = _kind_of(entry)
        if kind not in self._sums and len(self._sums) >= self._most:
            kind, entry = (entry.org, entry.action), _of_many(entry)
        known = self._sums.get(kind)
        if known is None:
            self._sums[kind] = _Sum(entry, now + MINUTE)
            return True
        known.more += 1
        return False

    def due(self, now: float) -> list[AuditEntry]:
        """What the minutes that are over have counted."""
        over = [kind for kind, each in self._sums.items() if each.until <= now]
        ended = [self._sums.pop(kind) for kind in over]
        return [_counted(each) for each in ended if each.more]


def _kind_of(entry: AuditEntry) -> tuple[str | None, ...]:
    return (
        entry.org, entry.actor_kind, entry.actor_id, entry.actor, entry.action, entry.target,
        entry.address, entry.outcome,
    )  # fmt: skip


def _of_many(entry: AuditEntry) -> AuditEntry:
    return msgspec.structs.replace(
        entry, actor="several", actor_id="", target=None, address=None, request_id=None
    )


def _counted(each: _Sum) -> AuditEntry:
    detail = {**each.entry.detail, "count": each.more}
    return msgspec.structs.replace(each.entry, request_id=None, detail=detail)
