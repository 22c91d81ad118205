"""The life of a command, as one table.

A command is born PENDING when the hub has committed it, and ends in exactly one of seven states.
In between it is SENT (committed as such before the bytes are written), ACKED (the device has it in
its journal) and RUNNING (the device reported progress). States only go forward: the members of
`State` are declared in that order, the database's enum type is declared in the same one, and every
change is a compare-and-set on the states in which its event is legal.

Two things may look like exceptions and are not. An ACK that arrives after a PROGRESS is legal and
leaves RUNNING as it is: replies may overtake each other when a line is replaced. A RESEND keeps the
state it finds: the device may already have acknowledged on the line before.

What arrives after the end changes nothing. A late result is kept beside the record; everything
else is dropped. `next_state` raises `IllegalStep` for both, and the caller decides.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    ACKED = "ACKED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


class LifecycleEvent(StrEnum):
    """What moves the state of a command. What devices send as events is telemetry."""

    NO_LINE = "no line"
    EXPIRE = "expiresAt passes"
    NOT_DELIVERED = "deadline passes before it was sent"
    WITHDRAW = "DELETE before it was sent"
    UNSUPPORTED = "hello does not name it"
    PIN = "a pin takes its place"
    TOO_LARGE = "too large for the device"
    SEND = "sent"
    RESEND = "sent again"
    ACK = "ack"
    PROGRESS = "progress"
    SUCCEED = "result: success"
    FAIL = "result: failure"
    REJECT = "result: rejected"
    CANCEL = "result: cancelled"
    LOSE = "result: unknown, or new line and not safe to send again"
    TIME_OUT = "deadline passes after it was sent"


ENDED: Final = frozenset(
    {
        State.SUCCESS,
        State.FAILED,
        State.REJECTED,
        State.CANCELLED,
        State.TIMEOUT,
        State.EXPIRED,
        State.UNKNOWN,
    }
)
UNFINISHED: Final = frozenset(State) - ENDED
SENT_AND_UNFINISHED: Final = frozenset({State.SENT, State.ACKED, State.RUNNING})

_ON_THE_LINE: Final = {
    LifecycleEvent.SUCCEED: State.SUCCESS,
    LifecycleEvent.FAIL: State.FAILED,
    LifecycleEvent.REJECT: State.REJECTED,
    LifecycleEvent.CANCEL: State.CANCELLED,
    LifecycleEvent.LOSE: State.UNKNOWN,
    LifecycleEvent.TIME_OUT: State.TIMEOUT,
    LifecycleEvent.PROGRESS: State.RUNNING,
}

STEPS: Final[dict[State, dict[LifecycleEvent, State]]] = {
    State.PENDING: {
        LifecycleEvent.NO_LINE: State.FAILED,
        LifecycleEvent.EXPIRE: State.EXPIRED,
        LifecycleEvent.NOT_DELIVERED: State.TIMEOUT,
        LifecycleEvent.WITHDRAW: State.CANCELLED,
        LifecycleEvent.UNSUPPORTED: State.REJECTED,
        LifecycleEvent.PIN: State.SUCCESS,
        LifecycleEvent.TOO_LARGE: State.FAILED,
        LifecycleEvent.SEND: State.SENT,
    },
    State.SENT: {
        LifecycleEvent.RESEND: State.SENT,
        LifecycleEvent.TOO_LARGE: State.FAILED,
        LifecycleEvent.ACK: State.ACKED,
        **_ON_THE_LINE,
    },
    State.ACKED: {
        LifecycleEvent.RESEND: State.ACKED,
        LifecycleEvent.ACK: State.ACKED,
        **_ON_THE_LINE,
    },
    State.RUNNING: {
        LifecycleEvent.RESEND: State.RUNNING,
        LifecycleEvent.ACK: State.RUNNING,
        **_ON_THE_LINE,
    },
}
"""Every legal step. A state that is not a key has ended."""


class IllegalStep(Exception):
    """This cannot happen to a command in this state; nothing has changed."""

    def __init__(self, state: State, event: LifecycleEvent) -> None:
        super().__init__(f"{event!s} does not apply to a command that is {state!s}")
        self.state = state
        self.event = event


def next_state(state: State, event: LifecycleEvent) -> State:
    """The state after `event`. Raises `IllegalStep` when the table has no such step."""
    try:
        return STEPS[state][event]
    except KeyError:
        raise IllegalStep(state, event) from None


def sources(event: LifecycleEvent) -> list[State]:
    """The states in which `event` is legal, in order: the guard of a compare-and-set."""
    return [state for state in State if event in STEPS.get(state, {})]
