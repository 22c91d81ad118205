from hub.base.clock import DatabaseClock


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
    assert clock.wall_clock_error == 1_000.0 - 5_011.0
