"""Clocks that are wrong or set: what waits, what is noticed."""

from hub.base.clocks import Brake, DatabaseClock, WallClock

HOUR = 3600.0


def test_g18_nothing_is_deleted_in_the_first_ten_minutes_of_a_start() -> None:
    brake = Brake(now=100.0)
    assert not brake.may_delete(699.9)
    assert not brake.may_drop("event", 699.9)
    assert brake.may_delete(700.0)
    assert brake.may_drop("event", 700.0)


def test_g18_nothing_is_deleted_in_the_first_ten_minutes_after_a_step() -> None:
    brake = Brake(now=100.0)
    brake.hold(5_000.0)
    assert not brake.may_delete(5_599.9)
    assert not brake.may_drop("event", 5_599.9)
    assert brake.may_delete(5_600.0)


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


class Machine:
    """Its two clocks."""

    def __init__(self) -> None:
        self.monotonic = 50.0
        self.wall = 1_000.0

    def clock(self) -> DatabaseClock:
        return DatabaseClock(lambda: self.monotonic, lambda: self.wall)


def test_before_the_first_measurement_it_goes_by_the_wall_clock_of_the_start() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.monotonic += 5
    machine.wall += 3600  # a step changes nothing
    assert clock() == 1_005.0
    assert clock.age == float("inf")


def test_it_goes_on_from_what_the_database_said() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.monotonic = 52.0
    clock.measured(5_000.0, asked_at=50.0)  # on its way for two seconds: it was said at 51
    assert clock() == 5_001.0
    machine.monotonic = 62.0
    assert clock() == 5_011.0
    assert clock.age == 10.0
