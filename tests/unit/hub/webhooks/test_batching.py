"""What goes into one delivery."""

import json
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from hub.webhooks.batching import (
    EVERYTHING,
    MOST_BYTES,
    MOST_EVENTS,
    NO_DEVICE,
    Packed,
    SeenDevices,
    body_of_test,
    may_still,
    pack,
    pause,
    with_id,
)
from hub.webhooks.records import Lost, Waiting, WebhookDelivery
from protocol.ids import DEFAULT_ORG, DeviceId

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
GAP = Lost(7, datetime(2026, 11, 27, 8, 0, tzinfo=UTC), datetime(2026, 11, 27, 9, 0, tzinfo=UTC))


def waiting(
    number: int, device: str | None = "d1", *, restricted: bool = False, age: float = 0.0, **of: Any
) -> Waiting:
    body = json.dumps({"id": f"e{number}", "type": "scan", "deviceId": device, **of})
    return Waiting(number, None if device is None else DeviceId(device), restricted, body, age)


def packed(*events: Waiting, seen: SeenDevices = EVERYTHING, gap: Lost | None = None) -> Packed:
    return pack(events, seen, gap, gap_id="g-1", now=NOW)


def data(of: Packed) -> list[dict[str, Any]]:
    body = json.loads(of.body)
    assert (body["type"], body["timestamp"]) == ("longline.events", "2026-11-30T08:00:00.000Z")
    found: list[dict[str, Any]] = body["data"]
    assert len(found) == of.count
    return found


def ids(of: Packed) -> list[str]:
    return [each["id"] for each in data(of)]


# How long to wait for more


def test_the_oldest_waits_a_second_for_others() -> None:
    assert pause([waiting(1, age=0.25)], more=False) == 0.75
    assert pause([waiting(1, age=1.5)], more=False) == 0.0
    assert pause([waiting(1, age=-3.0)], more=False) == 1.0


def test_what_is_full_waits_for_nothing() -> None:
    assert pause([waiting(1)], more=True) == 0.0
    assert pause([waiting(n) for n in range(MOST_EVENTS)], more=False) == 0.0
    assert pause([waiting(1, code="x" * MOST_BYTES)], more=False) == 0.0


# What goes in


def test_events_go_in_order_up_to_a_hundred() -> None:
    made = packed(*(waiting(n) for n in range(150)))
    assert made.numbers == list(range(100))
    assert ids(made) == [f"e{n}" for n in range(100)]
    assert made.device_ids == ["d1"]


def test_a_delivery_is_no_longer_than_its_bound() -> None:
    long = 60 * 1024
    made = packed(*(waiting(n, code="x" * long) for n in range(20)))
    assert len(made.body.encode()) <= MOST_BYTES
    assert len(made.numbers) == 8


def test_length_is_counted_in_bytes() -> None:
    half = Waiting(
        1, DeviceId("d1"), False, json.dumps({"a": "ü" * 150_000}, ensure_ascii=False), 0
    )
    made = packed(half, half)
    assert made.numbers == [1]
    assert len(made.body.encode()) <= MOST_BYTES


def test_one_event_that_is_too_long_goes_alone() -> None:
    made = packed(waiting(1, code="x" * MOST_BYTES), waiting(2))
    assert made.numbers == [1]


def test_a_gap_stands_first_and_is_one_of_the_hundred() -> None:
    made = packed(*(waiting(n) for n in range(100)), gap=GAP)
    assert len(made.numbers) == 99
    assert data(made)[0] == {
        "type": "gap",
        "id": "g-1",
        "from": "2026-11-27T08:00:00.000Z",
        "to": "2026-11-27T09:00:00.000Z",
        "count": 7,
    }
    assert packed(gap=GAP).count == 1


def test_what_the_owner_does_not_see_is_left_out() -> None:
    seen = SeenDevices({"d1"}, set())
    made = packed(waiting(1, "d2"), waiting(2), waiting(3, None), seen=seen)
    assert (made.numbers, made.unseen, made.device_ids) == ([2], [1, 3], ["d1"])
    assert packed(waiting(1, "d2"), seen=seen).count == 0


def test_who_sees_all_sees_what_is_about_no_device() -> None:
    made = packed(waiting(1, None))
    assert (made.numbers, made.device_ids, made.cleared_ids) == ([1], [""], [])


def test_what_commands_wrote_is_for_those_who_may_send_them() -> None:
    result: dict[str, Any] = {"type": "command_result", "output": "a secret", "error": None}
    events = [
        waiting(1, "d1", restricted=True, **result),
        waiting(2, "d2", restricted=True, **result),
        waiting(3, "d2", **result),
    ]
    made = packed(*events, seen=SeenDevices(None, {"d2"}))
    assert [each["output"] for each in data(made)] == ["hidden", "a secret", "a secret"]
    assert data(made)[0]["hidden"] == ["output"]
    assert made.cleared_ids == ["d2"]


def test_an_event_gets_an_id_and_stays_as_it_is() -> None:
    assert with_id(b'{"type":"scan","code":"\xc3\xbc"}', "e1") == (
        '{"id":"e1","type":"scan","code":"ü"}'
    )


def test_a_test_is_a_delivery_of_one_event() -> None:
    assert json.loads(body_of_test("e1", NOW))["data"] == [
        {"type": "test", "id": "e1", "ts": "2026-11-30T08:00:00.000Z"}
    ]


# Whether it may go again


def test_it_goes_again_while_its_owner_sees_all_of_it() -> None:
    delivery = WebhookDelivery(
        org=DEFAULT_ORG,
        webhook_id="w",
        delivery_id="d",
        created_at=NOW,
        count=2,
        pending=True,
        device_ids=[DeviceId("d1"), DeviceId("d2")],
        cleared_ids=[DeviceId("d2")],
        attempts=1,
        tried_at=None,
        status=None,
        error=None,
        ms=None,
        answer=None,
        delivered_at=None,
    )
    assert may_still(delivery, EVERYTHING)
    assert may_still(delivery, SeenDevices({"d1", "d2"}, {"d2"}))
    assert not may_still(delivery, SeenDevices({"d1"}, {"d2"}))
    of_none = structs.replace(delivery, device_ids=[NO_DEVICE], cleared_ids=[])
    assert may_still(of_none, EVERYTHING)
    assert not may_still(of_none, SeenDevices({"d1", "d2"}, {"d2"}))
    assert not may_still(delivery, SeenDevices(None, set()))
