"""When a channel tells of what waits, and what it says."""

import json
from datetime import UTC, datetime
from typing import Any

from hub.channels.grouping import (
    MOST_SHOWN,
    MessagePlan,
    body_of,
    body_of_test,
    is_given_up,
    pause_after,
    plan,
    subject_of,
    text_of,
)
from hub.channels.records import WaitingAlert
from protocol.ids import DeviceId
from tests.unit.hub.alerts.test_records import an_alert

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def waits(
    number: int, age: float, *, held: bool = False, inhibited: bool = False, **alert: Any
) -> WaitingAlert:
    return WaitingAlert(number, an_alert(**alert), age, held, inhibited)


def planned(*waiting: WaitingAlert, quiet: float | None = None) -> MessagePlan:
    return plan(waiting, quiet=quiet, group_seconds=60)


def numbers(found: MessagePlan) -> list[int]:
    return [each.number for each in found.tell]


def test_the_first_waits_for_others() -> None:
    assert planned(waits(1, 4), waits(2, 1)).wait == 6
    found = planned(waits(1, 10), waits(2, 1))
    assert (numbers(found), found.wait) == ([1, 2], 0)


def test_the_next_message_goes_when_its_time_has_come() -> None:
    assert planned(waits(1, 30), quiet=20).wait == 40
    assert numbers(planned(waits(1, 30), quiet=60)) == [1]


def test_nothing_waits_for_nothing() -> None:
    assert planned() == MessagePlan(tell=[], hold=[], drop=[], wait=None)


def test_what_is_silenced_or_held_back_waits_on() -> None:
    found = planned(waits(1, 99, inhibited=True), waits(2, 99, held=True, silenced_by="s"))
    assert (found.tell, found.hold, found.drop, found.wait) == ([], [1], [], 2)
    found = planned(waits(1, 99, inhibited=True), waits(2, 99))
    assert (numbers(found), found.hold) == ([2], [1])
    assert numbers(planned(waits(1, 99, held=True))) == [1]


def test_what_is_over_before_it_was_told_is_dropped_if_it_was_held_back() -> None:
    was_held = waits(1, 99, held=True, resolved_at=NOW)
    found = planned(was_held, waits(2, 99, inhibited=True, resolved_at=NOW))
    assert (found.drop, found.hold, found.wait) == ([1, 2], [], None)
    assert numbers(planned(waits(1, 99, resolved_at=NOW))) == [1]


def test_a_body_counts_all_and_shows_the_worst() -> None:
    alerts = [an_alert(rule="hot", device_id=DeviceId(f"d{n}")) for n in range(30)]
    alerts.append(an_alert(rule="down", severity="CRITICAL"))
    told = json.loads(body_of(alerts, NOW))
    assert (told["type"], told["timestamp"]) == ("longline.alerts", "2026-11-30T00:00:00.000Z")
    assert (told["count"], told["counts"]) == (31, {"hot": 30, "down": 1})
    assert len(told["data"]) == MOST_SHOWN
    assert told["data"][0]["rule"] == "down"
    assert json.loads(body_of_test(NOW))["type"] == "longline.test"


def test_a_mail_says_the_same_in_words() -> None:
    alerts = [an_alert(rule="hot", device_id=DeviceId(f"d{n}")) for n in range(21)]
    alerts[0] = an_alert(rule="hot", device_id=None, resolved_at=NOW)
    assert subject_of(alerts) == "[WARN] 21 alerts: hot (21)"
    text = text_of(alerts)
    assert text.startswith("hot: 21\n\nWARN - m (2026-11-30T00:00:00.000Z), resolved\n")
    assert text.endswith("and 1 more\n")
    assert subject_of([an_alert(code="a\r\nBcc: b")]) == "[WARN] 1 alert: a Bcc: b (1)"
    assert "more" not in text_of(alerts[:3])


def test_it_is_tried_for_an_hour() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 6, 99)] == [10, 20, 40, 300, 300]
    assert [is_given_up(age) for age in (3599, 3600)] == [False, True]
