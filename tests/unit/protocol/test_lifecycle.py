import re
from itertools import product

import pytest

import sql
from protocol.lifecycle import (
    ENDED,
    SENT_AND_UNFINISHED,
    STEPS,
    UNFINISHED,
    Happening,
    IllegalStep,
    State,
    next_state,
    sources,
)

P, S, A, R = State.PENDING, State.SENT, State.ACKED, State.RUNNING
LINE = (S, A, R)

LEGAL: dict[tuple[State, Happening], State] = {
    (P, Happening.NO_LINE): State.FAILED,
    (P, Happening.EXPIRE): State.EXPIRED,
    (P, Happening.NOT_DELIVERED): State.TIMEOUT,
    (P, Happening.WITHDRAW): State.CANCELLED,
    (P, Happening.UNSUPPORTED): State.REJECTED,
    (P, Happening.TOO_LARGE): State.FAILED,
    (State.SENT, Happening.TOO_LARGE): State.FAILED,
    (P, Happening.SEND): S,
    **{(state, Happening.RESEND): state for state in LINE},
    (S, Happening.ACK): A,
    (A, Happening.ACK): A,
    (R, Happening.ACK): R,
    **{(state, Happening.PROGRESS): R for state in LINE},
    **{(state, Happening.SUCCEED): State.SUCCESS for state in LINE},
    **{(state, Happening.FAIL): State.FAILED for state in LINE},
    **{(state, Happening.REJECT): State.REJECTED for state in LINE},
    **{(state, Happening.CANCEL): State.CANCELLED for state in LINE},
    **{(state, Happening.LOSE): State.UNKNOWN for state in LINE},
    **{(state, Happening.TIME_OUT): State.TIMEOUT for state in LINE},
}
"""The table of protocol.md, 1.5, written a second time."""


@pytest.mark.parametrize(("state", "happening"), list(product(State, Happening)))
def test_every_step_is_legal_as_the_protocol_says_or_illegal(
    state: State, happening: Happening
) -> None:
    if (state, happening) in LEGAL:
        assert next_state(state, happening) is LEGAL[state, happening]
    else:
        with pytest.raises(IllegalStep) as caught:
            next_state(state, happening)
        assert (caught.value.state, caught.value.happening) == (state, happening)


def test_states_only_go_forward() -> None:
    order = list(State)
    for (state, _), after in LEGAL.items():
        assert order.index(after) >= order.index(state)


def test_the_database_declares_the_states_in_the_same_order() -> None:
    found = re.search(r"CREATE TYPE command_status AS ENUM \((.*?)\)", sql.schema(), re.DOTALL)
    assert found is not None
    assert re.findall(r"'(\w+)'", found[1]) == list(State)


def test_ended_states_are_those_the_database_compares_with_success() -> None:
    order = list(State)
    assert {state for state in State if order.index(state) >= order.index(State.SUCCESS)} == ENDED
    assert frozenset(State) - ENDED == UNFINISHED
    assert set(LINE) == SENT_AND_UNFINISHED
    assert STEPS.keys() == UNFINISHED


@pytest.mark.parametrize("happening", list(Happening))
def test_sources_are_the_states_in_which_a_step_is_legal(happening: Happening) -> None:
    assert sources(happening) == [state for state in State if (state, happening) in LEGAL]
