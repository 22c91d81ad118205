"""What is told of an alert."""

import json
from datetime import UTC, datetime
from typing import Any

from hub.alerts.records import Alert, event_of
from protocol.ids import DEFAULT_ORG, DeviceId

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def an_alert(**fields: Any) -> Alert:
    given: dict[str, Any] = {
        "org": DEFAULT_ORG, "alert_id": "a-1", "rule": None, "code": "hot",
        "device_id": DeviceId("d1"), "severity": "WARN", "message": "m", "value": None, "count": 1,
        "first_at": NOW, "last_at": NOW, "resolved_at": None, "because": None,
        "acknowledged_at": None, "acknowledged_by": None, "comment": None, "silenced_by": None,
    }  # fmt: skip
    return Alert(**{**given, **fields})


def test_an_alert_fires_until_it_is_resolved() -> None:
    event = event_of(an_alert(), "t")
    assert (event.device_id, event.type, event.level) == ("d1", "alert", "WARN")
    assert json.loads(event.body) == {
        "type": "alert", "deviceId": "d1", "ts": "t", "severity": "WARN", "code": "hot",
        "message": "m", "status": "FIRING", "alertId": "a-1",
    }  # fmt: skip


def test_one_about_no_device_that_came_often_and_is_over() -> None:
    event = event_of(an_alert(device_id=None, count=3, resolved_at=NOW), "t")
    told = json.loads(event.body)
    assert event.device_id == ""
    assert (told["deviceId"], told["count"], told["status"]) == (None, 3, "RESOLVED")
