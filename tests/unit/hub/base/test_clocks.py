"""Clocks that are wrong or set: what waits, what is noticed."""

from hub.base.clocks import Brake, DatabaseTime, WallClock

HOUR = 3600.0


def test_g18_nothing_is_deleted_in_the_first_ten_minutes_of_a_start() -> None:
    brake = Brake(now=100.0)
    assert not brake.may_delete(699.9)
    assert not brake.may_drop("event", 699.9)
    assert brake.may_delete(700.0)
    assert brake.may_drop("event", 700.0)


def test_g18_each_table_loses_one_partition_an_hour() -> None:
    brake = Brake(now=0.0)
    brake.dropped("event", 600.0)
    assert not brake.may_drop("event", 600.0 + HOUR - 1)
    assert brake.may_drop("log_line", 600.0)
    assert brake.may_drop("event", 600.0 + HOUR)


def test_a_step_of_the_wall_clock_is_told_until_it_is_noted() -> None:
    clock = WallClock(wall=1_000.0, monotonic=10.0)
    assert not clock.stepped(1_500.0, 510.0)
    assert clock.stepped(1_500.0 + HOUR, 511.0)
    assert clock.stepped(1_501.0 + HOUR, 512.0)
    clock.noted(1_502.0 + HOUR, 513.0)
    assert not clock.stepped(1_503.0 + HOUR, 514.0)
    assert clock.stepped(1_504.0, 515.0)


def test_the_databases_time_goes_on_with_the_monotonic_clock_from_what_it_said_last() -> None:
    seconds = [50.0]
    time = DatabaseTime(lambda: seconds[0], wall=1_000.0)
    seconds[0] = 60.0
    assert time.now() == 1_010.0
    time.noted(500.0)
    seconds[0] = 61.5
    assert time.now() == 501.5
