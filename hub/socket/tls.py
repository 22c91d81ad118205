"""Accepting TCP connections that begin with a TLS handshake.

The loop's own server tells a protocol of a connection only when the handshake is over, and gives it
a minute. Here the connection counts from TCP on: among the strangers, and for the one deadline that
handshake, head and upgrade share. And whoever is refused in the handshake hears why: the loop
throws away the alert (RFC 8446, 6.2) in which the library says it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, cast

import structlog

from hub.base.errors import ConfigurationError
from hub.socket.http import HttpProtocol

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 0.1
"""When there are no file descriptors left."""
LINGER_SECONDS: Final = 1.0
"""For the peer to read an alert while it is still sending."""
LINGER_BYTES: Final = 16 * 1024


class HandshakeRefused(ssl.SSLError):
    """What is still to be said to the peer is `alert`."""

    def __init__(self, alert: bytes, reason: str) -> None:
        super().__init__(reason)
        self.alert = alert


class _TellingObject(ssl.SSLObject):
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            raise HandshakeRefused(self.outgoing.read(), str(error)) from error


class TellingContext(ssl.SSLContext):
    """One whose refusals `TlsListener` can pass on."""

    sslobject_class = _TellingObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        cast("_TellingObject", made).outgoing = outgoing
        return made


def server_context() -> TellingContext:
    """What every listener of ours begins with: TLS 1.2 and newer, without a certificate yet."""
    context = TellingContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Files of the owner's. Raises `ConfigurationError`."""
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # an SSLError is one
        raise ConfigurationError(
            f"cannot use the certificate {certificate}: {error.strerror or error}"
        ) from None


class TlsListener:
    """Serves from when it is made until `close`. `listener` is bound and listens."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, make: Callable[[], HttpProtocol]
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._context = context
        self._make = make
        self._shaking: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Take no more. Connections that are open stay."""
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        for task in (self._accepting, *self._shaking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("not_accepted", error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = loop.create_task(self._shake_hands(sock, str(address[0])))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)
            await asyncio.sleep(0)  # a storm must not keep the loop from anything else

    async def _shake_hands(self, sock: socket.socket, address: str) -> None:
        protocol = self._make()
        protocol.came_from(address, drop=partial(_cut, sock))
        try:
            # While there is another, the loop does not close its own with what is unread: a reset.
            with sock.dup() as kept:
                await self._connect(sock, kept, protocol)
        except (OSError, TimeoutError):  # an SSLError is one: refused, no TLS, too slow, or gone
            protocol.has_gone()
        except asyncio.CancelledError:
            protocol.has_gone()
            _cut(sock)
            raise

    async def _connect(
        self, sock: socket.socket, kept: socket.socket, protocol: HttpProtocol
    ) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=protocol.head_seconds,
            )
        except HandshakeRefused as refused:
            await _tell(kept, refused.alert)
            raise


async def _tell(sock: socket.socket, alert: bytes) -> None:
    """The last words, until the peer has read them and gone, or for a while."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        sock.send(alert)
        sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_SECONDS):
            while await loop.sock_recv(sock, LINGER_BYTES):
                pass


def _cut(sock: socket.socket) -> None:
    """End a connection whose transport we do not have yet."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
