"""One dashboard's socket as a state machine: what a frame asks for, answered with effects.

    UNPROVEN ──auth──► PROVING ──ok──► OPEN ──► CLOSED   (with a header or ticket: OPEN at once)
        │                  │             │
        └── any other frame, a bad token, 5 s ──► CLOSED

Some effects take time (a token, a group's members, a replay). While one runs the session is busy:
frames that follow wait their turn, so that answers keep the order of the questions. Only `ping` is
answered at once.

Source of every rule: protocol.md, 2. Times are monotonic seconds; the caller gives them.
"""

from collections import deque
from enum import Enum, auto
from typing import Final, assert_never

from msgspec import Struct

from dashboard_ws.core.filters import Predicate, Selection, predicate_of
from protocol import codec
from protocol.closing import CloseCode
from protocol.dashboard import (
    MAX_SUBSCRIPTIONS,
    DashboardAuth,
    DashboardError,
    DashboardFrame,
    DashboardPing,
    Filter,
    Position,
    Subscribe,
    Unsubscribe,
    Unsubscribed,
)
from protocol.errors import FrameErrorCode, InvalidMessage

AUTH_SECONDS: Final = 5.0
MAX_MESSAGE: Final = 16 * 1024
MAX_MESSAGE_UNPROVEN: Final = 4 * 1024
INVALID_FRAMES: Final = 20
INVALID_SECONDS: Final = 60.0
WAITING: Final = 128
"""Frames that may wait while the session is busy; the next are refused."""


class State(Enum):
    UNPROVEN = auto()
    PROVING = auto()
    OPEN = auto()
    CLOSED = auto()


class Send(Struct, frozen=True):
    text: bytes


class Pong(Struct, frozen=True):
    """Answer a ping with the time and the socket's position."""


class Check(Struct, frozen=True):
    """Find out what `token` is worth, then call `checked()`. The session is busy until then."""

    token: str


class Apply(Struct, frozen=True):
    """Make the selection true and say `subscribed` for `ids`, from `since` on when there is one;
    then call `done()`. The session is busy until then. `fresh` is what `ids` want."""

    ids: list[str]
    fresh: Selection
    since: Position | None


class Narrow(Struct, frozen=True):
    """The selection has become smaller; nothing is to be said."""


class Close(Struct, frozen=True):
    code: CloseCode


Effect = Send | Pong | Check | Apply | Narrow | Close


class Session:
    """`received` is set by whoever sends events, at the first one."""

    def __init__(self, now: float, *, expires: float | None) -> None:
        """`expires`: when the authorisation ends, of a socket that was opened with one."""
        self._state = State.UNPROVEN if expires is None else State.OPEN
        self._deadline = now + AUTH_SECONDS if expires is None else expires
        self._subscriptions: dict[str, Predicate] = {}
        self._waiting: deque[DashboardFrame] = deque()
        self._busy = False
        self._invalid: deque[float] = deque(maxlen=INVALID_FRAMES)
        self.received = False

    @property
    def selection(self) -> Selection:
        return frozenset(self._subscriptions.values())

    @property
    def max_message(self) -> int:
        proven = self._state is State.OPEN
        return MAX_MESSAGE if proven else MAX_MESSAGE_UNPROVEN

    def text(self, message: bytes, now: float) -> list[Effect]:
        """A text frame arrived."""
        if self._state is State.CLOSED:
            return []
        try:
            frame = codec.decode_dashboard_frame(message)
        except InvalidMessage as error:
            found = codec.command_id_of(message)
            return self.invalid(_describe(error), now, id_=found)
        if self._state is State.UNPROVEN and not isinstance(frame, DashboardAuth):
            return self._close(CloseCode.NOT_AUTHENTICATED)
        if self._busy and not (self._state is State.OPEN and isinstance(frame, DashboardPing)):
            return self._wait(frame)
        return self._handle(frame)

    def invalid(self, message: str, now: float, *, id_: str | None = None) -> list[Effect]:
        """A frame that is none; the 20th in a minute closes."""
        if self._state is State.CLOSED:
            return []
        if self._state is not State.OPEN:
            return self._close(CloseCode.NOT_AUTHENTICATED)
        self._invalid.append(now)
        if len(self._invalid) == INVALID_FRAMES and now - self._invalid[0] < INVALID_SECONDS:
            return self._close(CloseCode.BAD_FRAMES)
        return [_error(FrameErrorCode.INVALID_FRAME, message, id_)]

    def checked(self, expires: float | None, answer: bytes) -> list[Effect]:
        """The token is good until `expires` and `answer` says so, or None: it is bad."""
        if self._state is State.CLOSED:
            return []
        if expires is None:
            return self._close(CloseCode.NOT_AUTHENTICATED)
        self._state = State.OPEN
        self._deadline = expires
        return [Send(answer), *self.done()]

    def done(self) -> list[Effect]:
        """What kept the session busy is finished: go on with what waited."""
        self._busy = False
        effects: list[Effect] = []
        while self._waiting and not self._busy:
            effects += self._handle(self._waiting.popleft())
        return effects

    def look(self, now: float) -> list[Effect]:
        """Time has passed."""
        if self._state is State.CLOSED or now < self._deadline:
            return []
        proven = self._state is State.OPEN
        return self._close(CloseCode.NOT_AUTHENTICATED if proven else CloseCode.NO_PROGRESS)

    def closed(self) -> None:
        self._state = State.CLOSED
        self._waiting.clear()

    def _wait(self, frame: DashboardFrame) -> list[Effect]:
        if len(self._waiting) < WAITING:
            self._waiting.append(frame)
            return []
        id_ = getattr(frame, "id", None)
        return [_error(FrameErrorCode.TOO_FAST, "earlier frames are not answered yet", id_)]

    def _handle(self, frame: DashboardFrame) -> list[Effect]:
        match frame:
            case DashboardAuth():
                self._busy = True
                if self._state is State.UNPROVEN:
                    self._state = State.PROVING
                return [Check(frame.token)]
            case DashboardPing():
                return [Pong()]
            case Unsubscribe():
                self._subscriptions.pop(frame.id, None)
                return [Narrow(), Send(codec.encode(Unsubscribed(id=frame.id)))]
            case Subscribe():
                return self._subscribe(frame)
            case _:
                assert_never(frame)

    def _subscribe(self, frame: Subscribe) -> list[Effect]:
        filters = _filters(frame)
        if filters is None:
            message = "a subscribe has either an id of its own or subscriptions with different ids"
            return [_error(FrameErrorCode.INVALID_FRAME, message, frame.id)]
        ids = [filter_.id for filter_ in filters]
        if len(self._subscriptions.keys() | set(ids)) > MAX_SUBSCRIPTIONS:
            return _refuse(FrameErrorCode.TOO_MANY_SUBSCRIPTIONS, "at most 64 are allowed", ids)
        if frame.since is not None and self.received:
            message = "since is only for a socket that has received no event"
            return _refuse(FrameErrorCode.SINCE_TOO_LATE, message, ids)
        wanted = {filter_.id: predicate_of(filter_) for filter_ in filters}
        self._subscriptions |= wanted
        self._busy = True
        return [Apply(ids, frozenset(wanted.values()), frame.since)]

    def _close(self, code: CloseCode) -> list[Effect]:
        self.closed()
        return [Close(code)]


def _filters(frame: Subscribe) -> list[Filter] | None:
    own = (frame.device_ids, frame.group_ids, frame.types, frame.min_level)
    if frame.subscriptions is None:
        if frame.id is None:
            return None
        device_ids, group_ids, types, min_level = own
        return [
            Filter(
                id=frame.id,
                device_ids=device_ids,
                group_ids=group_ids,
                types=types,
                min_level=min_level,
            )
        ]
    ids = {filter_.id for filter_ in frame.subscriptions}
    if (
        frame.id is not None
        or any(field is not None for field in own)
        or len(ids) < len(frame.subscriptions)
    ):
        return None
    return frame.subscriptions


def _describe(error: InvalidMessage) -> str:
    return f"{error.message} ({error.field})" if error.field else error.message


def _refuse(code: FrameErrorCode, message: str, ids: list[str]) -> list[Effect]:
    return [_error(code, message, id_) for id_ in ids]


def _error(code: FrameErrorCode, message: str, id_: str | None) -> Send:
    named = {} if id_ is None else {"id": id_[:64]}
    return Send(codec.encode(DashboardError(code=code, message=message, **named)))
