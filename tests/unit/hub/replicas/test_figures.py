"""From two looks at the counters to rates."""

import pytest

from hub.replicas.figures import lag, told, worst
from protocol.dashboard import Position
from tests.factories import make_counted, make_state


def test_a_rate_is_what_came_in_the_time_between_two_looks() -> None:
    before = make_counted(at=10.0, cpu_seconds=1.0, events=100, commands=5, refusals=1, errors=2)
    now = make_counted(at=13.0, cpu_seconds=2.5, events=400, commands=8, refusals=1, errors=2.5)

    found = told(before, now, make_state()).figures

    assert found.events_per_second == 100.0
    assert found.commands_per_second == 1.0
    assert found.refusals_per_second == 0.0
    assert found.errors_per_second == 0.17
    assert found.cpu_percent == 50.0


def test_the_first_look_knows_no_rates() -> None:
    found = told(None, make_counted(events=400), make_state()).figures

    assert (found.events_per_second, found.cpu_percent) == (0.0, 0.0)


def test_two_looks_at_one_moment_know_none_either() -> None:
    found = told(make_counted(), make_counted(events=400), make_state()).figures

    assert found.events_per_second == 0.0


def test_what_is_now_is_told_as_it_is() -> None:
    state = make_state(lines=3, dashboards=2, redis="away", stream_lag=7, draining=True)

    found = told(None, make_counted(), state)

    assert found.draining
    assert (found.figures.lines, found.figures.dashboards) == (3, 2)
    assert (found.figures.redis, found.figures.stream_lag) == ("away", 7)
    assert (found.figures.queues, found.figures.database) == (state.queues, state.database)


def at(epoch: str, offset: int) -> Position:
    return Position(epoch=epoch, offset=offset)


@pytest.mark.parametrize(
    ("head", "shown", "behind"),
    [
        (at("e", 9), at("e", 4), 5),
        (at("e", 4), at("e", 9), 0),
        (at("f", 9), at("e", 4), None),
        (None, at("e", 4), None),
        (at("e", 9), None, None),
    ],
)
def test_the_lag_is_what_nobody_here_was_shown(
    head: Position | None, shown: Position | None, behind: int | None
) -> None:
    assert lag(head, shown) == behind


def test_the_worst_lag_is_that_of_one_organisation() -> None:
    assert worst([3, None, 7]) == 7
    assert worst([None]) is None
    assert worst([]) is None
