from collections.abc import Callable

import pytest

from hub.base.turnstile import Turnstile


class House:
    """A turnstile, the time its work takes, and the turns of its loop."""

    def __init__(self, *, bound: int = 100) -> None:
        self.now = 0.0
        self.soon: list[Callable[[], None]] = []
        self.let_in: list[str] = []
        self.turnstile = Turnstile(
            clock=lambda: self.now, soon=self.soon.append, budget=0.005, bound=bound
        )

    def work(self, name: str, seconds: float = 0.001) -> Callable[[], None]:
        def let_in() -> None:
            self.now += seconds
            self.let_in.append(name)

        return let_in

    def turn(self) -> list[str]:
        """Who is let in by the next turn of the loop."""
        self.let_in.clear()
        due, self.soon[:] = self.soon[:], []
        for call in due:
            call()
        return list(self.let_in)


def test_a_lonely_newcomer_waits_for_nothing() -> None:
    house = House()
    assert house.turnstile.open()
    assert house.turnstile.run(lambda: 7) == 7
    assert house.turnstile.open()


def test_g11_a_turn_lets_in_what_fits_its_budget_and_the_rest_waits_in_order() -> None:
    house = House()
    for number in range(12):
        assert house.turnstile.queue(house.work(str(number)))
    assert not house.turnstile.open()
    assert house.turn() == ["0", "1", "2", "3", "4"]
    assert house.turn() == ["5", "6", "7", "8", "9"]
    assert house.turn() == ["10", "11"]
    assert len(house.turnstile) == 0
    assert house.turn() == []
    assert house.turnstile.open()


def test_who_is_let_in_at_once_counts_for_the_turn() -> None:
    house = House()
    house.turnstile.run(house.work("a", 0.006))
    assert not house.turnstile.open()
    house.turnstile.queue(house.work("b"))
    assert house.turn() == ["b"]


def test_work_that_raises_counts_too() -> None:
    house = House()

    def fail() -> None:
        house.now += 1
        raise LookupError

    with pytest.raises(LookupError):
        house.turnstile.run(fail)
    assert not house.turnstile.open()
    house.turn()
    assert house.turnstile.open()


def test_g11_too_many_are_told_to_come_later() -> None:
    house = House(bound=2)
    assert [house.turnstile.queue(house.work(name)) for name in "abc"] == [True, True, False]
