from hub.base.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker


def broken(now: float) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.admits(now)
        breaker.failed(now)
    return breaker


def test_a_few_failures_are_taken() -> None:
    breaker = Breaker()
    breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    assert breaker.admits(0.0)


def test_after_a_pause_one_call_tries() -> None:
    breaker = broken(10.0)
    assert not breaker.admits(10.0 + FIRST_PAUSE - 0.01)
    assert breaker.admits(10.0 + FIRST_PAUSE)
    assert not breaker.admits(10.0 + FIRST_PAUSE)


def test_the_pause_doubles_to_a_cap_and_success_ends_it() -> None:
    breaker = broken(0.0)
    now = 0.0
    for _ in range(10):
        now += LONGEST_PAUSE
        assert breaker.admits(now)
        breaker.failed(now)
    assert not breaker.admits(now + LONGEST_PAUSE - 0.01)
    assert breaker.admits(now + LONGEST_PAUSE)
    breaker.succeeded()
    assert breaker.admits(now)


def test_it_is_open_from_the_last_failure_that_is_taken_to_the_next_success() -> None:
    assert not Breaker().is_open
    breaker = broken(0.0)
    assert breaker.is_open
    breaker.succeeded()
    assert not breaker.is_open
