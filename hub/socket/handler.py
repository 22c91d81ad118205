"""What a connection asks of the rest of the hub, and within which bounds it works."""

from collections.abc import Awaitable
from typing import Protocol

from msgspec import Struct

from hub.socket.handshake import Refusal, Upgrade


class Socket(Protocol):
    """What a handler may do with its connection. After the end all of it does nothing."""

    @property
    def max_message(self) -> int:
        """The largest message that is taken, in bytes; more is closed 1009."""
        ...

    @max_message.setter
    def max_message(self, size: int) -> None: ...
    @property
    def peer_code(self) -> int | None:
        """The code of the peer's own close frame, once it has sent one before we did."""
        ...

    def take_binary(self) -> None:
        """Binary messages mean something: hand out their payloads."""
        ...

    def be_patient(self) -> None:
        """The peer may read nothing for as long as it likes, if its kernel answers."""
        ...

    def send(self, text: bytes) -> None:
        """One text message, which must be UTF-8."""
        ...

    def send_binary(self, message: bytes) -> None:
        """One binary message."""
        ...

    def write(self, frames: bytes) -> None:
        """Whole frames, as many as there are: joined in one call they cost one system call."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye and wait for the peer's; without `reason`, the code's own is sent."""
        ...

    def abort(self, code: int) -> None:
        """Without goodbye, dropping what is unsent: for a peer that does not read."""
        ...

    def buffered(self) -> int:
        """Bytes that wait in this process because the kernel does not take them."""
        ...

    def pause_reading(self) -> None:
        """Let the peer feel that it is too fast. What has been read already is still handed out."""
        ...

    def resume_reading(self) -> None: ...


class Handler(Protocol):
    """Whoever talks on the connection. An exception of any of these closes with 1011."""

    def opened(self, connection: Socket) -> None:
        """The 101 was written. What the handler gives back in `closed` it takes here, not when it
        is made: a connection that is lost while opening never gets here."""
        ...

    def text(self, message: bytes) -> None:
        """One whole text message, valid UTF-8."""
        ...

    def binary(self, message: bytes, /) -> None:
        """One whole binary message; without `take_binary` a bad frame whose payload was dropped."""
        ...

    def drained(self) -> None:
        """The write buffer fell below low water, having been above high water."""
        ...

    def closed(self, code: int) -> None:
        """Exactly once after `opened`, and never from inside a call to the connection.

        `code` is the peer's (1005: its close frame had none), ours if we closed or aborted, or 1006
        when there was no close frame.
        """
        ...


class Gate(Protocol):
    """Who may come in, and who talks to them."""

    def admit(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        """Awaited in a task, which is cancelled when the peer gives up."""
        ...


class SocketLimits(Struct, frozen=True, kw_only=True):
    """Bytes and seconds."""

    first_message: int = 4 * 1024
    """`max_message` at first, until the handler knows its peer: raising it says so."""
    early_bytes: int = 4 * 1024
    """What may come before an awaited admission is decided."""
    low_water: int = 16 * 1024
    high_water: int = 64 * 1024
    write_buffer: int = 1024 * 1024 + 256 * 1024
    """Above this the connection is aborted."""
    send_buffer: int = 128 * 1024
    """SO_SNDBUF; Linux grants twice as much."""
    user_timeout: float = 10.0
    """TCP_USER_TIMEOUT: sent bytes that nobody acknowledges, a window that stays shut."""
    close_seconds: float = 2.0
    """For the peer to answer a close frame."""
    odd_frames: int = 10_000
    """Control frames and fragments in one ping period."""
