from hypothesis import given
from hypothesis import strategies as st

from device.line.reconnect import CAP_SECONDS, STABLE_SECONDS, ReconnectPolicy

ALMOST_ONE = 0.999999


def waits(reconnect: ReconnectPolicy, times: int) -> list[float]:
    return [round(reconnect.refused(0.0).wait_seconds) for _ in range(times)]


def test_the_ceiling_doubles_from_one_second_to_thirty() -> None:
    assert waits(ReconnectPolicy(lambda: ALMOST_ONE), 8) == [1, 2, 4, 8, 16, 30, 30, 30]


@given(st.lists(st.floats(0, ALMOST_ONE), min_size=1, max_size=50))
def test_jitter_is_full_and_never_over_the_cap(draws: list[float]) -> None:
    left = iter(draws)
    reconnect = ReconnectPolicy(lambda: next(left))
    for number, draw in enumerate(draws):
        wait = reconnect.refused(0.0).wait_seconds
        assert wait == draw * min(CAP_SECONDS, 2.0 ** min(number, 10))


def test_a_line_that_stood_for_a_minute_begins_anew() -> None:
    reconnect = ReconnectPolicy(lambda: ALMOST_ONE)
    waits(reconnect, 5)
    reconnect.opened(100.0)
    assert round(reconnect.ended(100.0 + STABLE_SECONDS, 1006).wait_seconds) == 1


def test_a_line_that_closes_at_once_is_one_more_failure() -> None:
    reconnect = ReconnectPolicy(lambda: ALMOST_ONE)
    waits(reconnect, 3)
    reconnect.opened(100.0)
    assert round(reconnect.ended(101.0, 1000).wait_seconds) == 8


def test_the_longer_of_wish_and_jitter_wins_and_a_wish_counts_once() -> None:
    reconnect = ReconnectPolicy(lambda: 0.0)
    reconnect.opened(0.0)
    reconnect.wished(12.0)
    reconnect.wished(7.0)
    assert reconnect.ended(1.0, 1001).wait_seconds == 12.0
    assert reconnect.refused(2.0, wish=3.0).wait_seconds == 3.0
    assert reconnect.refused(2.0).wait_seconds == 0.0


def test_devices_that_are_not_wanted_do_not_ask_all_at_once() -> None:
    assert round(ReconnectPolicy(lambda: ALMOST_ONE).ended(0.0, 4403).wait_seconds) == 3960


def test_close_codes_say_when_how_and_whether_to_come_back() -> None:
    def step(code: int) -> tuple[float, bool, bool]:
        step = ReconnectPolicy(lambda: 0.0).ended(0.0, code)
        return step.wait_seconds, step.new_token, step.come_back

    assert step(4409) == (30.0, False, True)
    assert step(1013) == (5.0, False, True)
    assert step(4401) == (0.0, True, True)
    assert step(4403) == step(1008) == (3600.0, False, False)
    assert step(1006) == (0.0, False, True)
