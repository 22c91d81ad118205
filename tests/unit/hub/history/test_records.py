"""Spans, filters, and how rows are shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.base.errors import Invalid
from hub.history.records import (
    LONGEST,
    LONGEST_SEARCH,
    LogsFilter,
    event_row,
    log_row,
    span_of,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)


def test_a_call_spans_seven_days_at_most() -> None:
    assert span_of(None, None, NOW) == (NOW - LONGEST, NOW)
    until = NOW - timedelta(days=3)
    assert span_of(None, until, NOW) == (until - LONGEST, until)
    assert span_of(NOW - LONGEST, NOW, NOW) == (NOW - LONGEST, NOW)
    third = datetime(1, 1, 3, tzinfo=UTC)
    assert span_of(None, third, NOW) == (datetime(1, 1, 1, tzinfo=UTC), third)
    with pytest.raises(Invalid, match="168 hours"):
        span_of(NOW - LONGEST - timedelta(seconds=1), None, NOW)


def test_a_search_of_all_devices_has_a_beginning() -> None:
    day = NOW - LONGEST_SEARCH
    assert span_of(day, None, NOW, longest=LONGEST_SEARCH, needs_since=True) == (day, NOW)
    with pytest.raises(Invalid, match="without deviceId"):
        span_of(None, None, NOW, longest=LONGEST_SEARCH, needs_since=True)


def test_words_are_parts_of_the_line_and_no_pattern() -> None:
    asked = LogsFilter(since=NOW, until=NOW, words=" jam  50% ", level="WARN")
    assert asked.patterns() == ["%jam%", r"%50\%%"]
    assert asked.lowest() == 2
    assert LogsFilter(since=NOW, until=NOW, words="  ").patterns() is None
    assert LogsFilter(since=NOW, until=NOW).lowest() is None


def test_an_event_is_shown_as_dashboards_see_it() -> None:
    body = {"type": "scan", "deviceId": "d", "ts": "2026-03-04T05:06:07.000Z", "code": "1"}
    row = event_row(NOW, "d", "scan", body)
    assert row.item == {
        "id": "1772600767123456-d",
        "receivedAt": "2026-03-04T05:06:07.123Z",
        **body,
    }
    assert (row.received_at, row.device_id) == (NOW, "d")


def test_a_status_has_its_own_time() -> None:
    body: dict[str, Any] = {"status": "ONLINE", "metrics": {}, "at": NOW.isoformat()}
    item = event_row(NOW, "d", "status", body).item
    assert item["ts"] == "2026-03-04T05:06:07.123Z"
    assert item["type"] == "status"
    assert "at" not in item
    presence: dict[str, Any] = {"type": "status", "deviceId": "d", "ts": "then", "connected": True}
    assert event_row(NOW, "d", "status", presence).item["ts"] == "then"


def test_a_line_has_what_it_has() -> None:
    line = {"received_at": NOW, "device_id": "d", "ts": NOW, "level": 3, "line": "x"}
    item = log_row({**line, "source": None, "command_id": "c"}).item
    assert item["level"] == "ERROR"
    assert item["commandId"] == "c"
    assert "source" not in item
