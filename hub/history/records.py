"""Rows of history, and what a reader asks for. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from hub.base.errors import invalid
from hub.base.patterns import containing
from hub.queries.records import Tree
from protocol.codec import rfc3339
from protocol.commands import LEVELS, Level

LONGEST: Final = timedelta(days=7)
"""Of one call."""
LONGEST_SEARCH: Final = timedelta(days=1)
"""Of log lines of all devices."""
TYPES: Final = ("status", "scan", "print", "event", "alert", "workload_status")
"""Of the events that are kept as such: log lines and commands are elsewhere."""
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

HistoryItem = dict[str, Any]
"""A row as it is shown: `id`, `receivedAt`, and the event as dashboards see it."""


class PastRow(Struct, frozen=True):
    """`item` was received from the device at this moment; no other of its rows was."""

    received_at: datetime
    device_id: str
    item: HistoryItem


class HistoryFilter(Struct, frozen=True, kw_only=True):
    """None is any. `since` and `until` are included."""

    since: datetime
    until: datetime
    device_id: str | None = None
    query: Tree | None = None


class EventsFilter(HistoryFilter, frozen=True, kw_only=True):
    types: list[str] | None = None


class LogsFilter(HistoryFilter, frozen=True, kw_only=True):
    level: Level | None = None
    """And above."""
    source: str | None = None
    words: str | None = None
    """All of them, parted by spaces."""

    def lowest(self) -> int | None:
        """The number of the level."""
        return None if self.level is None else LEVELS.index(self.level)

    def patterns(self) -> list[str] | None:
        found = [containing(word) for word in (self.words or "").split()]
        return found or None


def span_of(
    since: datetime | None,
    until: datetime | None,
    now: datetime,
    *,
    longest: timedelta = LONGEST,
    needs_since: bool = False,
) -> tuple[datetime, datetime]:
    """Raises `Invalid`."""
    end = now if until is None else until
    if since is None:
        if needs_since:
            raise invalid("since", "required without deviceId")
        return _FIRST + max(end - _FIRST - longest, timedelta()), end
    if end - since > longest:
        raise invalid("since", f"at most {longest.total_seconds() / 3600:.0f} hours a call")
    return since, end


def event_row(received_at: datetime, device_id: str, kind: str, body: Mapping[str, Any]) -> PastRow:
    """Of the tables of events; a `body` of a status has its time as `at`."""
    event = dict(body)
    if kind == "status":
        at = event.pop("at", None)
        ts = event.get("ts") if at is None else rfc3339(datetime.fromisoformat(at))
        event = {"type": kind, "deviceId": device_id, "ts": ts} | event
    return PastRow(received_at, device_id, {**_head(received_at, device_id), **event})


def log_row(row: Mapping[str, Any]) -> PastRow:
    received_at, device_id = row["received_at"], row["device_id"]
    optional = {"source": row["source"], "commandId": row["command_id"]}
    return PastRow(
        received_at,
        device_id,
        {
            **_head(received_at, device_id),
            "type": "log_line",
            "deviceId": device_id,
            "ts": rfc3339(row["ts"]),
            "line": row["line"],
            "level": LEVELS[int(row["level"])],
            **{name: value for name, value in optional.items() if value is not None},
        },
    )


def _head(received_at: datetime, device_id: str) -> dict[str, str]:
    micros = (received_at - _EPOCH) // _MICROSECOND
    return {"id": f"{micros}-{device_id}", "receivedAt": rfc3339(received_at)}
