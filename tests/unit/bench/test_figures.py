"""The bench's arithmetic."""

from typing import Any

import pytest

from tests.bench import figures
from tests.bench.figures import Cpu, Measured, Spread


def make_measured(**changes: Any) -> Measured:
    """1,000 operations in 2 s: 100 µs of the server each, 150 with its stores."""
    cpu = Cpu(server=0.1, everything=0.15, generator=0.5)
    fields: dict[str, Any] = {"operations": 1000, "seconds": 2.0, "cpu": cpu}
    return Measured(**{**fields, **changes})


def test_rates_costs_and_shares() -> None:
    measured = make_measured()

    assert measured.rate == 500
    assert measured.server_us == pytest.approx(100)
    assert measured.all_us == pytest.approx(150)
    assert measured.server == pytest.approx(0.05)
    assert measured.generator == pytest.approx(0.25)


def test_what_was_spent_between_two_moments() -> None:
    before = Cpu(server=1, everything=2, generator=3)
    after = Cpu(server=1.5, everything=3, generator=3.25)

    spent = figures.difference(before, after)

    assert spent == Cpu(server=0.5, everything=1, generator=0.25)


@pytest.mark.parametrize(
    ("share", "value"), [(0, 1), (0.5, 2.5), (0.25, 1.75), (1, 4), (0.99, 3.97)]
)
def test_percentiles_lie_between_ranks(share: float, value: float) -> None:
    assert figures.percentile([4, 1, 3, 2], share) == pytest.approx(value)


def test_of_one_value_every_percentile_is_that() -> None:
    assert figures.percentile([7], 0.99) == 7


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 0.5)


def test_a_spread_has_median_and_ends() -> None:
    found = figures.spread([10, 30, 20])

    assert found == Spread(median=20, low=10, high=30)
    assert found.share == 0.5
    assert Spread(0, 0, 0).share == 0


def test_a_figure_over_the_rounds_that_have_it() -> None:
    rounds = [make_measured(p99=5.0), make_measured(), make_measured(p99=7.0)]

    assert figures.over(rounds, lambda m: m.p99) == Spread(6.0, 5.0, 7.0)
    assert figures.over(rounds, lambda m: m.kib) is None


def test_capacity_is_by_the_median_cost() -> None:
    costs = (0.1, 0.5, 0.2)
    rounds = [make_measured(cpu=Cpu(server=c, everything=c, generator=0)) for c in costs]

    assert figures.capacity(rounds) == pytest.approx(5_000)


def test_what_costs_nothing_measurable_is_without_bounds() -> None:
    free = make_measured(cpu=Cpu(server=0, everything=0, generator=0))

    assert figures.capacity([free]) == float("inf")


def test_a_ratio_above_one_is_in_our_favour() -> None:
    dear = make_measured(cpu=Cpu(server=0.3, everything=0.3, generator=0))

    assert figures.ratio([make_measured()], [dear]) == pytest.approx(3)


def test_a_generator_at_its_limit_in_any_round_is_told() -> None:
    busy = make_measured(cpu=Cpu(server=1, everything=1, generator=1.6))

    assert figures.generator_at_limit([make_measured(), busy])
    assert not figures.generator_at_limit([make_measured()])


def test_flatness_is_the_dearest_over_the_cheapest() -> None:
    assert figures.flatness({100: 10.0, 1000: 9.0, 10_000: 12.6}) == pytest.approx(1.4)


def test_a_slope_is_found_through_noise() -> None:
    assert figures.slope([(0, 1), (1, 4), (2, 4), (3, 7)]) == pytest.approx(1.8)
    assert figures.slope([(1, 5)]) == 0
    assert figures.slope([]) == 0
