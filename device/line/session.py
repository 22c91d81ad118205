"""The device's side of one line: each frame of the hub, and each second, becomes effects.

Nothing is sent before `welcome`: the first frame up is `hello`, then the results that the hub has
not acknowledged, then durable events from the lowest unacknowledged on (`Opened` tells the shell to
begin with those). What the hub asks about commands is the book's business; what it acknowledges of
events goes out as effects, since the outbox is on disk.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec import Struct

from device.commands.book import Book, BookEffect
from device.line.hub_clock import HubClock
from device.line.liveness import Liveness, Sign
from protocol import frames
from protocol.codec import command_id_of, decode_hub_frame, encode
from protocol.commands import Delivery
from protocol.errors import InvalidMessage
from protocol.frames import Hello, HubFrame, Welcome
from protocol.ids import is_command_id


class Opened(Struct, frozen=True):
    """The hub has welcomed this line; `hello` is on its way."""

    welcome: Welcome


class EventsAcknowledged(Struct, frozen=True):
    """Durable events of `boot_id` up to `seq` are committed."""

    boot_id: str
    seq: int


class EventRefused(Struct, frozen=True):
    """The hub will never take this one event; it counts as acknowledged."""

    boot_id: str
    seq: int
    message: str


class HandedOver(Struct, frozen=True):
    """A section of desired state may differ from what the device has."""

    desired: frames.Desired


class SessionAsked(Struct, frozen=True):
    """The hub asks for a session, or for one more connection of one."""

    frame: frames.SessionOpen | frames.SessionConnect


class PauseRequested(Struct, frozen=True):
    """The hub drains: come back after this long."""

    seconds: float


class Authorised(Struct, frozen=True):
    """The newer token was taken."""

    expires_at: str


class Complained(Struct, frozen=True):
    """The hub refused a frame, or sent one that does not decode: for the log."""

    code: str
    message: str


class PingHub(Struct, frozen=True):
    pass


class LineDead(Struct, frozen=True):
    """Nothing came for ten seconds after a ping: abort the connection."""


SessionEffect = (
    BookEffect
    | Opened
    | EventsAcknowledged
    | EventRefused
    | HandedOver
    | SessionAsked
    | PauseRequested
    | Authorised
    | Complained
    | PingHub
    | LineDead
)


class Session:
    def __init__(
        self,
        *,
        send: Callable[[bytes], None],
        book: Book,
        clock: HubClock,
        hello: Callable[[], Hello],
        now: float,
    ) -> None:
        self._send = send
        self._book = book
        self._clock = clock
        self._hello = hello
        self._liveness = Liveness(now)
        self.is_open = False
        self.hub_accepts: frozenset[str] = frozenset()
        """Frames beyond version 1 that the hub takes."""

    def send(self, frame: Struct) -> None:
        """Dropped before `welcome`: whatever matters is sent again when the line opens."""
        if self.is_open:
            self._send(encode(frame))

    def send_encoded(self, frame: bytes) -> None:
        if self.is_open:
            self._send(frame)

    def heard(self) -> None:
        """A pong came."""
        self._liveness.heard()

    def tick(self, now: float) -> list[SessionEffect]:
        """To be called every second."""
        sign = self._liveness.tick(now)
        match sign:
            case Sign.DEAD:
                return [LineDead()]
            case Sign.PING:
                return [PingHub(), *self._repeats(now)]
            case Sign.FINE:
                return self._repeats(now)
            case _:
                assert_never(sign)

    def _repeats(self, now: float) -> list[SessionEffect]:
        return [*self._book.tick(now)] if self.is_open else []

    def receive(self, raw: bytes | str, now: float) -> list[SessionEffect]:
        self._liveness.heard()
        try:
            message = decode_hub_frame(raw)
        except InvalidMessage as error:
            return self._undecodable(raw, error)
        return [] if message is None else self._dispatch(message, now)

    def _undecodable(self, raw: bytes | str, error: InvalidMessage) -> list[SessionEffect]:
        command_id = command_id_of(raw) if error.field == "command" else None
        if command_id is None or not is_command_id(command_id):
            return [Complained("undecodable", error.message)]
        return [*self._book.reject(command_id, "invalid_command", error.message)]

    def _dispatch(  # noqa: C901
        self, message: HubFrame | Delivery, now: float
    ) -> list[SessionEffect]:
        match message:
            case Delivery():
                if message.server_time is not None:
                    self._clock.set(message.server_time, now)
                return [*self._book.deliver(message, now)]
            case frames.Cancel(command_id=command_id):
                return [*self._book.cancel(command_id, now)]
            case frames.ResultAck(command_id=command_id):
                return [*self._book.result_ack(command_id)]
            case frames.EventAck(boot_id=boot_id, seq=seq):
                return [EventsAcknowledged(boot_id, seq)]
            case frames.Welcome():
                return self._welcomed(message, now)
            case frames.Pong(server_time=server_time):
                self._clock.set(server_time, now)
                return []
            case frames.Reconnect(after_ms=after_ms):
                return [PauseRequested(after_ms / 1000)]
            case frames.Desired():
                return [HandedOver(message)]
            case frames.SessionOpen() | frames.SessionConnect():
                return [SessionAsked(message)]
            case frames.Describe(what=what):
                description = self._book.own.describe(what)
                if description is not None:
                    self.send(description)
                return []
            case frames.AuthOk(expires_at=expires_at):
                return [Authorised(expires_at)]
            case frames.Error():
                return [_complaint(message)]
            case _:
                assert_never(message)

    def _welcomed(self, welcome: Welcome, now: float) -> list[SessionEffect]:
        self._clock.set(welcome.server_time, now)
        self.is_open = True
        self.hub_accepts = frozenset(welcome.accepts or ())
        self.send(self._hello())
        return [*self._book.new_line(now), Opened(welcome)]


def _complaint(error: frames.Error) -> SessionEffect:
    if isinstance(error.boot_id, str) and isinstance(error.seq, int):
        return EventRefused(error.boot_id, error.seq, error.message)
    return Complained(error.code, error.message)
