"""uvicorn's HTTP protocol with what it lacks: bounds on a request's head, in bytes and in time, on
how slowly a body may come, and on how many may be connected without saying who they are.

uvicorn reads a head of any size for as long as it takes, drops bytes that follow an upgrade request
in one segment, reads the body behind an upgrade that it does not know as another request, and
writes query strings, which may hold tokens, to its access log. Give this class to
`uvicorn.Config(http=…)` together with `hub.socket.connection`.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hub.socket import client_certificate, handshake, head
from hub.socket.connection import Connection, end_writing
from hub.socket.handshake import Refusal, malformed
from hub.socket.strangers import Proxies, Stranger, Strangers
from hub.socket.stream import TAKE, StreamConnection, Streamer
from protocol.errors import ProblemCode

MAX_HEAD: Final = 16 * 1024
"""Bytes of request line and headers."""
MAX_LINES: Final = 100
KNOWN: Final = "longline.known"
"""Among the extensions of a scope: what to call when the request has said who its peer is."""
STREAMS: Final = "/events/stream"
"""How the paths end whose responses may go on for as long as somebody reads."""
_TOO_LARGE: Final = Refusal(431, ProblemCode.TOO_LARGE, "headers over 16 KiB or 100 lines")


class _Refused(Exception):
    """Raised in a callback of the parser, which passes it on as the context of its own error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class HttpProtocol(HttpToolsProtocol):
    """A head must be complete `head_seconds` after the TCP connection was made, its TLS handshake
    included, or, when it is reused, after the first byte of the request; an upgrade must be decided
    by then too."""

    head_seconds: ClassVar[float] = 10.0
    linger_seconds: ClassVar[float] = 2.0
    """For the peer to read a refusal while it is still sending."""
    body_seconds: ClassVar[float] = 20.0
    body_bytes: ClassVar[int] = 20 * 1024
    """A body must bring so many bytes in so many seconds, as long as we read it."""
    strangers: ClassVar[Strangers] = Strangers()
    proxies: ClassVar[Proxies] = Proxies(())
    """Whose word counts for the certificate of whoever is behind them."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = False
        self._made = self.loop.time()
        """We are made when TCP connects; `connection_made` waits for the handshake of TLS."""
        self._stranger: Stranger | None = None
        self._certificate: bytes | None = None
        """DER of what the peer has shown by TLS."""
        self._is_proxy = False
        self._foreign = False
        """This head asks for an upgrade that is not ours: a parser of its own reads it again."""
        self._deadline: asyncio.TimerHandle | None = None
        self._over = False
        """Nothing more is read: refused, or another protocol has taken over."""
        self._between = False
        """A request is complete and no byte of another one has come."""
        self._head = 0
        self._lines = 0
        self._body = 0
        """Bytes since the last look at it."""
        self._judged = False
        """The head is complete: what comes now as a header is a trailer."""
        self._parsed = False
        self._unparsed = 0
        """Bytes since the parser last finished something: a header line that does not end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._deadline = self.loop.call_at(self._made + self.head_seconds, transport.abort)
        tls = transport.get_extra_info("ssl_object")
        self._certificate = None if tls is None else tls.getpeercert(binary_form=True)
        self._is_proxy = bool(self.client) and self.client[0] in self.proxies
        if self._stranger is None:
            self.came_from(self.client[0] if self.client else "", drop=transport.abort)
        else:
            self._stranger.drop = transport.abort

    def came_from(self, address: str, *, drop: Callable[[], object]) -> None:
        """Count the connection, maybe before there is a transport."""
        self._stranger = self.strangers.came(address, drop)

    def has_gone(self) -> None:
        """Also when there never was a transport."""
        if self._stranger is not None:
            self._stranger.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        self.has_gone()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._between and not self._over:
            self._between = False
            self._expire_after(self.head_seconds)
        position = 0
        while position < len(data) and not self._over:
            # In pieces, so that no head goes over its bound by more than one.
            position += self._feed(data[position : position + MAX_HEAD])
        if position < len(data):
            self._hand_over(data[position:])

    def _feed(self, piece: bytes) -> int:
        """How many bytes of `piece` were HTTP."""
        self._parsed = False
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            if self._foreign:
                self._read_again()
            else:
                self._upgrade()
            return int(upgrade.args[0])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.refusal if isinstance(cause, _Refused) else malformed("not HTTP"))
            return len(piece)
        self._unparsed = 0 if self._parsed else self._unparsed + len(piece)
        if self._unparsed > MAX_HEAD:
            self._refuse(_TOO_LARGE)
        return len(piece)

    def _read_again(self) -> None:
        """This head without its upgrade: what follows it belongs to the request."""
        again = head.without_upgrade(
            self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers
        )
        self._foreign = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        self._feed(again)

    # The parser's callbacks. What raises here comes out of `feed_data`.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._stranger is not None:
            self.scope["extensions"] = {KNOWN: cast("dict[object, object]", self._stranger.leave)}
        self._between = self._judged = False
        self._head = self._lines = 0
        if self._deadline is None:  # pipelined
            self._expire_after(self.head_seconds)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        self._count(len(name) + len(value) + 4)
        if not self._judged:  # uvicorn would put a trailer among the headers: nobody has judged it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._parsed = self._judged = True
        self._check_head()
        if self.parser.should_upgrade():
            self._foreign = not self._should_upgrade()
            if self._foreign:
                return
        else:
            self._expect_body()
        super().on_headers_complete()
        if self.scope.get("path", "").endswith(STREAMS):  # none of an upgrade
            take = partial(self._taken_over, self.cycle)
            known = self.scope.get("extensions") or {}
            self.scope["extensions"] = {**known, TAKE: cast("dict[object, object]", take)}

    def _check_head(self) -> None:
        method = self.parser.get_method()
        fault = head.fault_of(method, self.parser.get_http_version(), self.headers)
        if fault is not None:
            raise _Refused(fault)
        if not (self.parser.should_upgrade() and self._should_upgrade()) and any(
            name == b"sec-websocket-key" for name, _ in self.headers
        ):
            raise _Refused(malformed("not a WebSocket upgrade"))
        self._settle_certificate()
        authority = head.authority_of(self.url)
        if authority is not None:
            self.headers[:] = [(b"host", authority), *(h for h in self.headers if h[0] != b"host")]

    def _settle_certificate(self) -> None:
        try:
            settled = client_certificate.settled(
                self.headers, shown=self._certificate, is_believed=self._is_proxy
            )
        except client_certificate.NotACertificate:
            raise _Refused(malformed("Client-Cert is not a certificate (RFC 9440)")) from None
        if settled is not None:
            self.headers[:] = settled

    def on_body(self, body: bytes) -> None:
        self._parsed = True
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._foreign:
            return
        self._parsed = self._between = True
        if not self.parser.should_upgrade():
            self._relax()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete:
            # Answered before all of its body came: what nobody will read is not kept.
            self.cycle.body = bytearray()
        super().on_response_complete()

    def _expect_body(self) -> None:
        self._relax()
        self._body = 0
        self._deadline = self.loop.call_later(self.body_seconds, self._look_at_body)

    def _look_at_body(self) -> None:
        if self._body < self.body_bytes and not self.flow.read_paused:
            self.transport.abort()
        else:
            self._expect_body()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD or self._lines > MAX_LINES:
            raise _Refused(_TOO_LARGE)

    # Upgrades.

    def _should_upgrade(self) -> bool:
        return head.asks_for_websocket(self.parser.get_method(), self.headers)

    def _upgrade(self) -> None:
        if self.scope["http_version"] != "1.1":
            self._refuse(malformed("an upgrade is HTTP/1.1"))
        elif self.cycle and not self.cycle.response_complete:
            # Its 101 would come before the answer to the request that it follows.
            self._refuse(malformed("an upgrade behind an unanswered request"))
        else:
            self.handle_websocket_upgrade()
            self._over = True
            self._pass_on(self.transport.get_protocol())
            # It refers to our methods: without this, only the cycle collector would free us.
            self.parser = cast("httptools.HttpRequestParser", None)

    def _pass_on(self, successor: asyncio.BaseProtocol) -> None:
        self._pass_deadline(successor)
        if self._stranger is not None and isinstance(successor, Connection):
            successor.is_stranger(self._stranger)

    def _pass_deadline(self, successor: asyncio.BaseProtocol) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is None:
            return
        if isinstance(successor, Connection) and successor.opening:
            successor.expire_by(deadline)
        else:
            deadline.cancel()

    def _hand_over(self, rest: bytes) -> None:
        successor = self.transport.get_protocol()
        if successor is not self:
            cast("asyncio.Protocol", successor).data_received(rest)

    # Responses that go on: see `hub/socket/stream.py`.

    def _taken_over(self, cycle: RequestResponseCycle) -> Callable[[Streamer], None]:
        """The head that comes now is that of a response that ends with its connection."""
        cycle.chunked_encoding = cycle.keep_alive = False
        return partial(self._take_over, cycle)

    def _take_over(self, cycle: RequestResponseCycle, streamer: Streamer) -> None:
        gone = cycle.disconnected or self.transport.is_closing()
        cycle.disconnected = True  # to uvicorn
        cycle.message_event.set()
        if gone:
            return
        self._over = True
        self._relax()
        self.has_gone()
        self.pipeline.clear()
        self.flow.resume_reading()
        self.connections.discard(self)
        StreamConnection(self.transport, self.server_state, streamer).begin()
        # They refer to our methods: without this, only the cycle collector would free us.
        self.parser = cast("httptools.HttpRequestParser", None)
        cycle.scope.pop("extensions", None)

    # Ending.

    def _refuse(self, refusal: Refusal) -> None:
        self._over = True
        if self.cycle and not self.cycle.response_complete and not self._drop_answer():
            return
        self.transport.write(handshake.refused(refusal))
        self._expire_after(self.linger_seconds)
        end_writing(self.transport)

    def _drop_answer(self) -> bool:
        """Whether the answer that is being made can give way to a refusal."""
        if not self.cycle.more_body:
            # That request was whole; the fault is in the next one, which gets no answer of its own.
            self._relax()
            self.cycle.keep_alive = False
            return False
        if self.cycle.response_started or self.pipeline:
            self.transport.abort()
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _expire_after(self, seconds: float) -> None:
        self._relax()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def http_class(strangers: Strangers, proxies: Proxies) -> type[HttpProtocol]:
    """The class for `uvicorn.Config(http=…)`."""
    own = {"strangers": strangers, "proxies": proxies}
    return type("BoundHttpProtocol", (HttpProtocol,), own)
