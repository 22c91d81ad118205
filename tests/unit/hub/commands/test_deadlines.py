import pytest

from hub.commands.sweep import GRAIN, Deadlines


def test_nothing_noted_is_nothing_to_look_at() -> None:
    deadlines = Deadlines()
    assert deadlines.next() is None
    deadlines.pass_until(1e9)


def test_the_first_deadline_is_looked_at_first_and_never_early() -> None:
    deadlines = Deadlines()
    assert deadlines.note(5.0)
    assert not deadlines.note(7.0)
    assert deadlines.note(3.0)
    found: list[float] = []
    while (moment := deadlines.next()) is not None:
        found.append(moment)
        deadlines.pass_until(moment)
    assert found == pytest.approx([3.0, 5.0, 7.0], abs=2 * GRAIN)
    assert all(moment >= noted for moment, noted in zip(found, (3.0, 5.0, 7.0), strict=True))


def test_deadlines_close_together_are_one_look() -> None:
    deadlines = Deadlines()
    for _ in range(1000):
        deadlines.note(5.01)
    moment = deadlines.next()
    assert moment is not None
    deadlines.pass_until(moment)
    assert deadlines.next() is None
    assert deadlines.note(5.01)
