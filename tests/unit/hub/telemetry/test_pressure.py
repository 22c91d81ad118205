"""When lines wait, and who goes on first."""

from hub.telemetry.pressure import FULL_ABOVE, ROOM_BELOW, Pressure


def test_it_is_full_until_there_is_room_again() -> None:
    pressure = Pressure()
    found: list[bool] = []
    for rows in (FULL_ABOVE - 1, FULL_ABOVE, ROOM_BELOW, ROOM_BELOW - 1, FULL_ABOVE - 1):
        pressure.rows(rows)
        found.append(pressure.full)
    assert found == [False, True, True, False, False]


def test_nobody_goes_on_while_it_is_full() -> None:
    pressure = Pressure()
    pressure.rows(FULL_ABOVE)
    pressure.wait(lambda: None)
    assert (pressure.next(), len(pressure)) == (None, 1)


def test_who_fills_it_again_waits_behind_all_others() -> None:
    pressure = Pressure()
    went: list[str] = []

    def line(name: str) -> None:
        pressure.wait(lambda: went.append(name))

    line("a")
    line("b")
    for _ in range(3):
        go_on = pressure.next()
        assert go_on is not None
        go_on()
        line(went[-1])
    assert went == ["a", "b", "a"]
    assert len(pressure) == 2
