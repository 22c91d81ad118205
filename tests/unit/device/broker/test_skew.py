"""What time it is by an issuer."""

from device.broker.skew import IssuerClock


def test_an_issuer_that_has_said_nothing() -> None:
    clock = IssuerClock()

    assert clock.time(5.0) is None
    assert clock.alarm(1e9, 5.0) is None


def test_its_time_goes_on() -> None:
    clock = IssuerClock()
    clock.heard(1000.0, 5.0)

    assert clock.time(15.0) == 1010.0


def test_a_clock_that_is_far_off_is_told_once_an_hour() -> None:
    clock = IssuerClock()
    clock.heard(100_000.0, 0.0)

    assert clock.alarm(100_299.0, 0.0) is None
    assert clock.alarm(103_600.0, 0.0) == "the clock is 3600 s ahead of the issuer's"
    assert clock.alarm(103_660.0, 60.0) is None
    assert clock.alarm(100_000.0, 3600.0) == "the clock is 3600 s behind the issuer's"
