from datetime import UTC, datetime, timedelta

from device.line.renewal import due_in

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
END = NOON + timedelta(hours=3)


def due(hub_now: datetime | None) -> float | None:
    now = None if hub_now is None else hub_now.timestamp()
    return due_in(expires=END, life_seconds=3 * 3600, hub_now=now)


def test_a_token_is_renewed_when_a_third_of_its_life_is_left() -> None:
    assert due(NOON) == 2 * 3600
    assert due(NOON + timedelta(hours=1)) == 3600
    assert due(NOON + timedelta(hours=2)) == 0
    assert due(NOON + timedelta(days=900)) == 0


def test_nothing_is_due_while_the_hubs_time_is_unknown() -> None:
    assert due(None) is None
