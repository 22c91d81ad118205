"""One WebSocket: the `asyncio.Protocol` class that uvicorn is given as `ws=`.

No task per message and no queue: `data_received` parses and calls the handler, `write` goes to the
transport. A connection goes OPENING → OPEN → CLOSING and never back:

- OPENING: the gate decides about the upgrade, at once or in a task. Bytes that come meanwhile wait
  within a bound.
- OPEN: from the 101 on. Only now the handler is called, but for its `closed`.
- CLOSING: a refusal or a close frame was written, or the transport was aborted. Nothing is handed
  out any more; the peer's close frame or the end of its bytes ends the connection, a timer if
  neither comes.

Serve it together with `hub.socket.http`, which keeps the deadline of an upgrade and hands over the
bytes that came in one piece with it; uvicorn's own class does neither.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable
from typing import Any, ClassVar, Final, cast

import structlog
from msgspec import Struct
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from cloud.tcp_info import tcp_info
from hub.socket import handshake
from hub.socket.framing import (
    PING,
    Binary,
    Event,
    Fault,
    FrameParser,
    PeerClosed,
    Ping,
    Pong,
    binary_frame,
    close_frame,
    ping_frame,
    pong_frame,
    text_frame,
)
from hub.socket.handler import Gate, Handler, SocketLimits
from hub.socket.handshake import Refusal, Upgrade
from hub.socket.pings import PingVerdict, PingWheel, Reading, verdict
from hub.socket.strangers import Stranger
from protocol.closing import CloseCode, closing
from protocol.errors import ProblemCode
from protocol.peer_kernel import PeerKernel

log = structlog.get_logger(__name__)

ABNORMAL: Final = 1006
"""The connection ended without a close frame."""

_OPENING: Final = 0
_OPEN: Final = 1
_CLOSING: Final = 2


class _Setup(Struct, frozen=True):
    gate: Gate
    pings: PingWheel
    limits: SocketLimits


class Connection(asyncio.Protocol):
    """Made by uvicorn. For the handler: `send`, `send_binary`, `take_binary`, `be_patient`,
    `write`, `close`, `abort`, `buffered`, `max_message`, `pause_reading`, `resume_reading`.
    After the end they do nothing."""

    __slots__ = (
        "_admission",
        "_early",
        "_handler",
        "_parser",
        "_paused",
        "_peer_kernel",
        "_reading",
        "_server_state",
        "_silent",
        "_slot",
        "_state",
        "_stranger",
        "_timer",
        "_transport",
        "_written",
        "peer_code",
    )

    _setup: ClassVar[_Setup]

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._server_state = server_state
        self._state = _OPENING
        self._transport: asyncio.Transport
        self._admission: asyncio.Task[None] | None = None
        self._early: bytes | None = None
        """Bytes after the request, while the admission is under way; None before the request."""
        self._timer: asyncio.TimerHandle | None = None
        self._handler: Handler | None = None
        self._parser: FrameParser | None = None
        self._stranger: Stranger | None = None
        self._silent = False
        self._paused = False
        self._reading: Reading | None = None
        """Of a patient connection."""
        self._peer_kernel = PeerKernel()
        self._slot = 0
        self._written = 0
        self.peer_code: int | None = None

    # For the handler: see `handler.Socket`.

    @property
    def max_message(self) -> int:
        return self._parser.max_message if self._parser else self._setup.limits.first_message

    @max_message.setter
    def max_message(self, size: int) -> None:
        if self._parser:
            self._parser.max_message = size
            if self._is_known():
                self._leave_strangers()

    def send(self, text: bytes) -> None:
        self.write(text_frame(text))

    def be_patient(self) -> None:
        self._reading = Reading()
        _bear_shut_windows(self._transport)

    def send_binary(self, message: bytes) -> None:
        if self._reading is not None:
            self._reading.sent(len(message))
        self.write(binary_frame(message))

    def take_binary(self) -> None:
        if self._parser:
            self._parser.takes_binary = True

    def write(self, frames: bytes) -> None:
        if self._state != _OPEN:
            return
        self._written += len(frames)
        self._transport.write(frames)
        if self._transport.get_write_buffer_size() > self._setup.limits.write_buffer:
            self.abort(CloseCode.NO_PROGRESS)

    def close(self, code: int, reason: str = "") -> None:
        if self._state != _OPEN:
            return
        self._transport.write(close_frame(code, reason or closing(code).reason))
        self.resume_reading()
        self._end(code)

    def abort(self, code: int) -> None:
        if self._state == _OPEN:
            self._end(code)
        self._transport.abort()

    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        if not self._paused and self._state == _OPEN:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = self._silent = False
            self._transport.resume_reading()

    # For uvicorn and the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server_state.connections.add(self)  # pyright: ignore[reportArgumentType]
        tune(self._transport, self._setup.limits)

    def data_received(self, data: bytes) -> None:
        self._silent = False
        parser, handler = self._parser, self._handler
        if parser is None or handler is None:
            self._before_open(data)
            return
        for event in parser.feed(data):
            if self._state != _OPEN:
                self._after_close(event)
                continue
            try:
                if type(event) is bytes:
                    handler.text(event)
                else:
                    self._other(cast("Binary | Ping | Pong | PeerClosed | Fault", event), handler)
            except Exception as error:
                self._failed(error)
        if parser.odd_frames and parser.odd_frames > self._setup.limits.odd_frames:
            self.close(CloseCode.FLOODING)

    def pause_writing(self) -> None:
        if self._state == _OPEN:
            self._watch()

    def resume_writing(self) -> None:
        if self._state == _OPEN and self._handler is not None:
            try:
                self._handler.drained()
            except Exception as error:
                self._failed(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._state == _OPEN:
            self._end(ABNORMAL)
        self._state = _CLOSING
        self._cancel_timer()
        self._leave_strangers()
        if self._admission is not None:
            self._admission.cancel()
        self._handler = None
        self._server_state.connections.discard(self)  # pyright: ignore[reportArgumentType]

    def shutdown(self) -> None:
        """uvicorn ends. (Our own drain comes before and leaves little to do.)"""
        if self._state == _OPENING:
            self._refuse(Refusal(503, ProblemCode.UNAVAILABLE, "draining", retry_after=1))
        self.close(CloseCode.SERVICE_RESTART)

    # Opening.

    @property
    def opening(self) -> bool:
        return self._state == _OPENING

    def expire_by(self, deadline: asyncio.TimerHandle) -> None:
        """The timer that aborts the transport; cancelled as soon as the opening is over."""
        self._timer = deadline

    def is_stranger(self, stranger: Stranger) -> None:
        """The peer counts as one until the handler knows it: see `handler.Limits`."""
        self._stranger = stranger
        if self._is_known():
            self._leave_strangers()

    def _is_known(self) -> bool:
        return self.max_message > self._setup.limits.first_message

    def _leave_strangers(self) -> None:
        stranger, self._stranger = self._stranger, None
        if stranger is not None:
            stranger.leave()

    def _before_open(self, data: bytes) -> None:
        if self._state == _CLOSING:
            return
        if self._early is None:
            self._early = b""
            self._request(data)
        elif len(self._early) + len(data) > self._setup.limits.early_bytes:
            self._transport.abort()
        else:
            self._early += data

    def _request(self, head: bytes) -> None:
        peer, here = get_remote_addr(self._transport), get_local_addr(self._transport)
        upgrade = handshake.parse(
            head,
            remote=peer[0] if peer else "",
            secure=is_ssl(self._transport),
            local=here[0] if here else "",
        )
        if isinstance(upgrade, Refusal):
            self._refuse(upgrade)
            return
        try:
            answer = self._setup.gate.admit(upgrade)
        except Exception:
            log.exception("admission_failed", path=upgrade.path)
            answer = _FAILED
        if not isinstance(answer, Awaitable):
            self._decided(upgrade, answer)
            return
        self._admission = asyncio.get_running_loop().create_task(self._admit(upgrade, answer))
        # uvicorn's shutdown waits for these, and the set is what keeps the task alive.
        self._server_state.tasks.add(self._admission)
        self._admission.add_done_callback(self._server_state.tasks.discard)

    async def _admit(self, upgrade: Upgrade, answer: Awaitable[Handler | Refusal]) -> None:
        try:
            decision = await answer
        except Exception:
            log.exception("admission_failed", path=upgrade.path)
            decision = _FAILED
        self._admission = None
        self._decided(upgrade, decision)

    def _decided(self, upgrade: Upgrade, decision: Handler | Refusal) -> None:
        if self._state != _OPENING:
            return
        if isinstance(decision, Refusal):
            self._refuse(decision)
        else:
            self._open(upgrade, decision)

    def _refuse(self, refusal: Refusal) -> None:
        self._state = _CLOSING
        if self._admission is not None:
            self._admission.cancel()
        self._transport.write(handshake.refused(refusal))
        self._transport.close()

    def _open(self, upgrade: Upgrade, handler: Handler) -> None:
        limits = self._setup.limits
        self._cancel_timer()
        self._transport.set_write_buffer_limits(high=limits.high_water, low=limits.low_water)
        self._transport.write(handshake.accepted(upgrade))
        self._state = _OPEN
        self._handler = handler
        self._parser = FrameParser(limits.first_message)
        self._slot = self._setup.pings.add(self)
        try:
            handler.opened(self)
        except Exception as error:
            self._failed(error)
        early, self._early = self._early, None
        if early:
            self.data_received(early)

    # Open.

    def _other(self, event: Binary | Ping | Pong | PeerClosed | Fault, handler: Handler) -> None:
        match event:
            case Binary():
                handler.binary(event.payload)
            case Ping():
                # A peer that pings without reading gets no answer rather than a growing buffer.
                if self.buffered() < self._setup.limits.high_water:
                    self.write(pong_frame(event.payload))
            case Pong():
                if self._reading is not None:
                    self._reading.pong(event.payload)
            case PeerClosed():
                self.peer_code = event.code
                self._transport.write(close_frame(event.code))
                self._end(event.code)
                self._transport.close()
            case Fault():
                self._transport.write(close_frame(event.code, event.reason))
                self._end(event.code)
                end_writing(self._transport)

    def _failed(self, error: Exception) -> None:
        log.error("handler_failed", handler=type(self._handler).__name__, exc_info=error)
        self.close(CloseCode.INTERNAL_ERROR)

    # Liveness: see `hub.socket.pings`.

    def beat(self, *, forgiving: bool) -> None:
        if self._parser is not None:
            self._parser.odd_frames = 0
        if self._reading is not None and self._peer_kernel.is_gone(tcp_info(self._transport)):
            self.abort(CloseCode.NO_PROGRESS)
            return
        match verdict(
            silent=self._silent,
            paused=self._paused or (self._reading is not None and self._reading.is_behind),
            unsent=self.buffered() > 0,
            forgiving=forgiving,
        ):
            case PingVerdict.PING:
                self._silent = True
                self.write(PING if self._reading is None else ping_frame(self._reading.ping()))
            case PingVerdict.WATCH:
                self._silent = False
                self._watch()
            case PingVerdict.DEAD:
                self.close(CloseCode.NO_PROGRESS)

    def _watch(self) -> None:
        if self._reading is None:
            self._setup.pings.watch(self)

    def sent(self) -> int:
        """All bytes ever handed to the kernel."""
        return self._written - self.buffered()

    def stalled(self) -> None:
        self.abort(CloseCode.NO_PROGRESS)

    # Closing.

    def _end(self, code: int) -> None:
        """OPEN → CLOSING: from here on the handler hears nothing but `closed`."""
        self._state = _CLOSING
        self._setup.pings.discard(self, self._slot)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._setup.limits.close_seconds, self._transport.abort)
        if self._handler is not None:
            loop.call_soon(_tell, self._handler, code)

    def _after_close(self, event: Event) -> None:
        if isinstance(event, PeerClosed | Fault):
            self._transport.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_FAILED: Final = Refusal(500, ProblemCode.UNAVAILABLE, "the hub failed")


def _tell(handler: Handler, code: int) -> None:
    try:
        handler.closed(code)
    except Exception:
        log.exception("handler_failed", handler=type(handler).__name__)


def tune(transport: asyncio.Transport, limits: SocketLimits) -> None:
    """What a peer that does not read may hold in the kernel, and for how long."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):  # the peer may be gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            milliseconds = int(limits.user_timeout * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _bear_shut_windows(transport: asyncio.Transport) -> None:
    """The kernel ends no connection for a window that stays shut."""
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)


def end_writing(transport: asyncio.Transport) -> None:
    """End our half only, where TLS does not forbid it: closing while bytes of the peer are unread
    resets the connection, and that can take our last words with it. The caller keeps a timer."""
    if transport.can_write_eof():
        transport.write_eof()


def connection_class(
    gate: Gate, pings: PingWheel, limits: SocketLimits | None = None
) -> type[Connection]:
    """The class for `uvicorn.Config(ws=…)`."""

    class BoundConnection(Connection):
        __slots__ = ()
        _setup = _Setup(gate, pings, limits or SocketLimits())

    return BoundConnection
