"""What an answer means, and when it is tried again."""

import pytest

from hub.webhooks.deciding import (
    BOUNDS,
    GIVEN_UP_SECONDS,
    LONGEST_PAUSE,
    WITHOUT_AGE,
    AttemptOutcome,
    DeliveryVerdict,
    is_beyond,
    is_given_up,
    pause_after,
    verdict_of,
    wish_of,
)

TAKEN, AGAIN, GONE = DeliveryVerdict.TAKEN, DeliveryVerdict.AGAIN, DeliveryVerdict.GONE


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (None, AGAIN), (100, AGAIN), (200, TAKEN), (204, TAKEN), (299, TAKEN), (300, AGAIN),
        (302, AGAIN), (400, AGAIN), (404, AGAIN), (409, AGAIN), (410, GONE), (429, AGAIN),
        (500, AGAIN), (503, AGAIN),
    ],
)  # fmt: skip
def test_only_a_2xx_is_taken_and_only_a_410_is_the_end(
    status: int | None, verdict: DeliveryVerdict
) -> None:
    assert verdict_of(AttemptOutcome(status=status, ms=1)) is verdict


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_after(failures, None, 0.5) for failures in range(1, 13)]
    assert pauses[:4] == [5.0, 10.0, 20.0, 40.0]
    assert pauses[9:] == [2560.0, 3600.0, 3600.0]
    assert pause_after(100_000, None, 0.5) == LONGEST_PAUSE


def test_a_pause_is_off_by_a_fifth_at_most() -> None:
    assert pause_after(1, None, 0.0) == pytest.approx(4.0)
    assert pause_after(1, None, 0.999999) == pytest.approx(6.0, abs=0.001)


@pytest.mark.parametrize(
    ("wish", "pause"), [(30.0, 30.0), (0.0, 1.0), (3600.0, 3600.0), (90_000.0, 3600.0)]
)
def test_a_wish_counts_instead_from_a_second_to_an_hour(wish: float, pause: float) -> None:
    assert pause_after(7, wish, 0.1) == pause


DATE = "Mon, 30 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "9" * 400}, 999_999_999.0),
        ({"retry-after": "Mon, 30 Nov 2026 08:01:30 GMT", "date": DATE}, 90.0),
        ({"retry-after": "Mon, 30 Nov 2026 07:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Mon, 30 Nov 2026 08:01:30 GMT"}, None),
        ({"retry-after": "Mon, 30 Nov 2026 08:01:30", "date": DATE}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_moment_by_the_clock_of_the_same_answer(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wish_of(headers) == seconds


def test_three_days_without_a_success_are_enough() -> None:
    assert is_given_up(GIVEN_UP_SECONDS)
    assert not is_given_up(GIVEN_UP_SECONDS - 1)


def test_each_bound_counts_by_itself() -> None:
    assert not is_beyond(BOUNDS, BOUNDS)
    assert is_beyond(BOUNDS._replace(items=100_001), BOUNDS)
    assert is_beyond(BOUNDS._replace(bytes=104_857_601), BOUNDS)
    assert is_beyond(BOUNDS._replace(seconds=GIVEN_UP_SECONDS + 1), BOUNDS)
    assert not is_beyond(BOUNDS._replace(seconds=GIVEN_UP_SECONDS + 1), WITHOUT_AGE)
