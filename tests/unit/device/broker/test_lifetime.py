"""When a token is asked for, and how long it is held: the table, row by row."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.broker.lifetime import (
    APART_SECONDS,
    MOST_CEILING,
    MOST_LIFE,
    Lifetime,
    Step,
    answered,
    began,
    failed,
    not_sent,
    removed,
    resumed,
    sent,
    step,
    wait,
)

HELD = Lifetime(asked=100.0, ends=400.0, ask_at=300.0)
NONE = Lifetime()


@pytest.mark.parametrize(
    ("lifetime", "now", "expected"),
    [
        (NONE, 0.0, Step.ASK),
        (began(NONE), 0.0, Step.WAIT),
        (HELD, 299.0, Step.WAIT),
        (HELD, 300.0, Step.ASK),
        (began(HELD), 300.0, Step.WAIT),
        (began(HELD), 400.0, Step.REMOVE),
        (HELD, 400.0, Step.REMOVE),
        (removed(HELD), 400.0, Step.ASK),
    ],
)
def test_what_is_done_next(lifetime: Lifetime, now: float, expected: Step) -> None:
    assert step(lifetime, now) is expected


def test_how_long_nothing_is_done() -> None:
    assert wait(HELD, 290.0) == 10.0
    assert wait(began(HELD), 290.0) == 110.0
    assert wait(began(NONE), 0.0) == math.inf
    assert wait(HELD, 1000.0) == 0.0


def test_a_token_is_renewed_at_two_thirds_or_up_to_a_tenth_sooner() -> None:
    asked = sent(began(NONE), 100.0)

    latest, soonest = answered(asked, 300.0, 0.0), answered(asked, 300.0, 1.0)

    assert latest.ask_at == 300.0
    assert soonest.ask_at == 280.0
    assert latest.ends == 399.0, "a second early: issuers count whole ones"
    assert (latest.asking, latest.failures) == (False, 0)


def test_never_sooner_than_ten_seconds_after_the_last_request() -> None:
    short = answered(sent(NONE, 100.0), 6.0, 0.5)

    assert short.ask_at == 110.0
    assert short.ends == pytest.approx(105.4)


def test_what_has_no_end_is_never_renewed() -> None:
    kept = answered(sent(NONE, 100.0), None, 0.5)

    assert step(kept, 1e12) is Step.WAIT
    assert wait(kept, 0.0) == math.inf
    assert kept.expires_in(0.0) is None
    assert kept.is_held is True


def test_a_life_has_a_bound() -> None:
    assert answered(sent(NONE, 0.0), 1e300, 0.0).ends == MOST_LIFE - 1


def test_expires_in_counts_down() -> None:
    assert HELD.expires_in(390.0) == 10.0
    assert HELD.expires_in(500.0) == 0.0
    assert NONE.expires_in(0.0) is None


def test_failures_wait_longer_each_time_and_the_token_stays() -> None:
    lifetime, waits = sent(HELD, 0.0), list[float]()
    for _ in range(8):
        lifetime = failed(began(lifetime), 1000.0, 1.0)
        waits.append(lifetime.ask_at - 1000.0)

    assert waits == [10.0, 20.0, 40.0, 80.0, *[MOST_CEILING] * 4]
    assert lifetime.ends == HELD.ends
    assert answered(lifetime, 300.0, 0.0).failures == 0


def test_full_jitter_but_never_within_ten_seconds() -> None:
    asked = sent(NONE, 1000.0)

    assert failed(asked, 1001.0, 0.0).ask_at == 1010.0
    assert failed(asked, 1001.0, 0.0, after=30.0).ask_at == 1031.0
    assert failed(asked, 1001.0, 0.0, after=1e9).ask_at == 1001.0 + 3600.0
    assert failed(NONE, 1001.0, 0.5).ask_at == 1006.0, "nothing was sent"


def test_without_anything_to_ask_with_it_looks_again_soon() -> None:
    lacking = not_sent(began(HELD), 300.0)

    assert (lacking.ask_at, lacking.asking, lacking.failures) == (310.0, False, 1)


def test_a_restart_goes_on_where_it_was() -> None:
    assert resumed(HELD, 200.0, is_same=True) == HELD


def test_a_restart_with_other_settings_asks_at_once_and_keeps_the_token() -> None:
    assert resumed(HELD, 200.0, is_same=False) == Lifetime(asked=100.0, ends=400.0, ask_at=110.0)


def test_a_restart_after_the_end_has_no_token() -> None:
    assert resumed(HELD, 400.0, is_same=True) == Lifetime(asked=100.0, ask_at=110.0)


def test_a_restart_after_a_failure_asks_no_sooner_than_ten_seconds() -> None:
    lifetime = failed(sent(NONE, 100.0), 101.0, 1.0)

    assert resumed(lifetime, 102.0, is_same=True).ask_at == 110.0


def test_what_has_no_end_is_kept_until_the_settings_change() -> None:
    kept = answered(sent(NONE, 100.0), None, 0.5)

    assert resumed(kept, 200.0, is_same=True) == kept
    assert resumed(kept, 200.0, is_same=False) == Lifetime(asked=100.0, ask_at=110.0)
    assert resumed(Lifetime(ends=math.inf), 5.0, is_same=True).ends == math.inf


def test_notes_of_a_clock_that_is_ahead_count_for_nothing() -> None:
    assert resumed(HELD, 50.0, is_same=True) == Lifetime(ask_at=60.0)


DRAW = st.floats(0, 1, exclude_max=True)


@given(
    life=st.floats(0.1, 1e7),
    outcomes=st.lists(st.tuples(st.booleans(), DRAW, st.floats(0, 9.9)), min_size=1, max_size=30),
)
def test_no_two_requests_within_ten_seconds_and_no_token_past_its_end(
    life: float, outcomes: list[tuple[bool, float, float]]
) -> None:
    lifetime, now, requests = NONE, 1000.0, list[float]()
    good_until = -math.inf
    for good, draw, takes in outcomes:
        while (what := step(lifetime, now)) is not Step.ASK:
            lifetime = removed(lifetime) if what is Step.REMOVE else lifetime
            now += wait(lifetime, now) if what is Step.WAIT else 0.0
            assert not lifetime.is_held or now <= good_until
        requests.append(now)
        lifetime = sent(began(lifetime), now)
        good_until = now + life if good else good_until
        now += takes
        lifetime = answered(lifetime, life, draw) if good else failed(lifetime, now, draw)

    apart = [after - before for before, after in pairwise(requests)]
    assert all(each >= APART_SECONDS - 1e-6 for each in apart)
