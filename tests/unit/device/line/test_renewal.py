from datetime import UTC, datetime, timedelta

from device.line import renewal

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_a_token_is_renewed_at_two_thirds_of_its_life() -> None:
    after = renewal.renew_after(issued=NOON, expires=NOON + timedelta(hours=3))
    assert after == 2 * 3600
    assert renewal.renew_after(issued=NOON, expires=NOON) == renewal.SHORTEST_SECONDS

    def left(now: datetime) -> float:
        return renewal.remaining(received=NOON, renew_after_seconds=after, now=now)

    assert left(NOON + timedelta(hours=1)) == 3600
    assert left(NOON - timedelta(days=900)) == after
    assert left(NOON + timedelta(days=900)) == renewal.SHORTEST_SECONDS
