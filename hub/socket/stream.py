"""An HTTP response that goes on for as long as somebody reads: the `asyncio.Protocol` that takes a
connection over from `hub.socket.http` when the head of such a response has been written.

It has what `connection.py` has, without frames: no task, no queue; `write` goes to the transport,
within the same bounds for a peer that does not read. The response ends with its connection, so what
the peer still sends is dropped.
"""

import asyncio
from typing import Final, Protocol

import structlog
from uvicorn.server import ServerState

from hub.socket.connection import ABNORMAL, tune
from hub.socket.handler import SocketLimits
from protocol.closing import CloseCode

log = structlog.get_logger(__name__)

TAKE: Final = "longline.take"
"""Among the extensions of a scope: see `TakeOver`."""


class Streamer(Protocol):
    """Whoever writes the response. An exception of any of these ends it."""

    def opened(self, response: "StreamConnection") -> None:
        """The head was written. What the streamer gives back in `closed` it takes here."""
        ...

    def drained(self) -> None:
        """The write buffer fell below low water, having been above high water."""
        ...

    def closed(self, code: int) -> None:
        """Exactly once after `opened`, and never from inside a call to the connection."""
        ...


class TakeOver(Protocol):
    """Called before the head of the response is sent, and what it gives, afterwards."""

    def __call__(self) -> "Begin": ...


class Begin(Protocol):
    def __call__(self, streamer: Streamer) -> None: ...


class StreamConnection(asyncio.Protocol):
    """After its end its methods do nothing."""

    __slots__ = ("_limits", "_open", "_server_state", "_streamer", "_timer", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        server_state: ServerState,
        streamer: Streamer,
        limits: SocketLimits | None = None,
    ) -> None:
        self._transport = transport
        self._server_state = server_state
        self._streamer = streamer
        self._limits = limits or SocketLimits()
        self._open = True
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The transport is ours from now on."""
        limits = self._limits
        tune(self._transport, limits)
        self._transport.set_write_buffer_limits(high=limits.high_water, low=limits.low_water)
        self._transport.set_protocol(self)
        self._server_state.connections.add(self)  # pyright: ignore[reportArgumentType]
        try:
            self._streamer.opened(self)
        except Exception as error:
            self._failed(error)

    # For the streamer.

    def write(self, frames: bytes) -> None:
        if not self._open:
            return
        self._transport.write(frames)
        if self._transport.get_write_buffer_size() > self._limits.write_buffer:
            self.abort(CloseCode.NO_PROGRESS)

    def end(self) -> None:
        if self._open:
            self._finish(CloseCode.NORMAL)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.close_seconds, self._transport.abort)
            self._transport.close()

    def abort(self, code: int) -> None:
        if self._open:
            self._finish(code)
        self._transport.abort()

    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    # For uvicorn and the loop.

    def data_received(self, data: bytes) -> None:
        """Nobody asked for it."""

    def resume_writing(self) -> None:
        if self._open:
            try:
                self._streamer.drained()
            except Exception as error:
                self._failed(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._open:
            self._finish(ABNORMAL)
        if self._timer is not None:
            self._timer.cancel()
        self._server_state.connections.discard(self)  # pyright: ignore[reportArgumentType]

    def shutdown(self) -> None:
        """uvicorn ends; our own drain came before."""
        self.end()

    def _failed(self, error: Exception) -> None:
        log.error("streamer_failed", streamer=type(self._streamer).__name__, exc_info=error)
        self.abort(CloseCode.INTERNAL_ERROR)

    def _finish(self, code: int) -> None:
        self._open = False
        asyncio.get_running_loop().call_soon(_tell, self._streamer, code)


def _tell(streamer: Streamer, code: int) -> None:
    try:
        streamer.closed(code)
    except Exception:
        log.exception("streamer_failed", streamer=type(streamer).__name__)
