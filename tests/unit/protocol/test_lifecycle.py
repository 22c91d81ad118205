import re
from itertools import product

import pytest

import sql
from protocol.lifecycle import (
    ENDED,
    SENT_AND_UNFINISHED,
    STEPS,
    UNFINISHED,
    IllegalStep,
    LifecycleEvent,
    State,
    next_state,
    sources,
)

P, S, A, R = State.PENDING, State.SENT, State.ACKED, State.RUNNING
LINE = (S, A, R)

LEGAL: dict[tuple[State, LifecycleEvent], State] = {
    (P, LifecycleEvent.NO_LINE): State.FAILED,
    (P, LifecycleEvent.EXPIRE): State.EXPIRED,
    (P, LifecycleEvent.NOT_DELIVERED): State.TIMEOUT,
    (P, LifecycleEvent.WITHDRAW): State.CANCELLED,
    (P, LifecycleEvent.UNSUPPORTED): State.REJECTED,
    (P, LifecycleEvent.PIN): State.SUCCESS,
    (P, LifecycleEvent.TOO_LARGE): State.FAILED,
    (State.SENT, LifecycleEvent.TOO_LARGE): State.FAILED,
    (P, LifecycleEvent.SEND): S,
    **{(state, LifecycleEvent.RESEND): state for state in LINE},
    (S, LifecycleEvent.ACK): A,
    (A, LifecycleEvent.ACK): A,
    (R, LifecycleEvent.ACK): R,
    **{(state, LifecycleEvent.PROGRESS): R for state in LINE},
    **{(state, LifecycleEvent.SUCCEED): State.SUCCESS for state in LINE},
    **{(state, LifecycleEvent.FAIL): State.FAILED for state in LINE},
    **{(state, LifecycleEvent.REJECT): State.REJECTED for state in LINE},
    **{(state, LifecycleEvent.CANCEL): State.CANCELLED for state in LINE},
    **{(state, LifecycleEvent.LOSE): State.UNKNOWN for state in LINE},
    **{(state, LifecycleEvent.TIME_OUT): State.TIMEOUT for state in LINE},
}
"""The table of protocol.md, 1.5, written a second time."""


@pytest.mark.parametrize(("state", "event"), list(product(State, LifecycleEvent)))
def test_every_step_is_legal_as_the_protocol_says_or_illegal(
    state: State, event: LifecycleEvent
) -> None:
    if (state, event) in LEGAL:
        assert next_state(state, event) is LEGAL[state, event]
    else:
        with pytest.raises(IllegalStep) as caught:
            next_state(state, event)
        assert (caught.value.state, caught.value.event) == (state, event)


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


@pytest.mark.parametrize("event", list(LifecycleEvent))
def test_sources_are_the_states_in_which_a_step_is_legal(event: LifecycleEvent) -> None:
    assert sources(event) == [state for state in State if (state, event) in LEGAL]
