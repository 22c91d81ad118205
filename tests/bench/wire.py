"""Bytes of the generator: TCP connections, WebSocket frames built beforehand, deliveries counted.

Nothing here checks what the server says beyond what a scenario needs: conformance has its own
tests. What matters is that one core of Python keeps ahead of every server that is measured.
"""

import asyncio
import base64
import os
import ssl
from collections.abc import Callable
from typing import Final, cast

from tests.conformance.wire import TEXT

_MASK: Final = b"\x37\xfa\x21\x3d"


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A whole masked frame. One key for all: the server has to unmask all the same."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    else:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    key = (_MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + _MASK + masked.to_bytes(size, "big")


def server_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """(opcode, payload) of the whole frames, and what is left over."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while len(data) - at >= 2:
        size, body = data[at + 1], at + 2
        if size == 126:
            size, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if len(data) < body + size:
            break
        found.append((data[at] & 0x0F, data[body : body + size]))
        at = body + size
    return found, data[at:]


def upgrade_request(path: str, *, token: str = "", subprotocol: str = "") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
    ]  # fmt: skip
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "", ""]).encode()


class Tap(asyncio.Protocol):
    """A connection that is talked to line by line first (`until`), and then handed over to a
    function that gets every chunk (`pour`)."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport
        self._received = b""
        self._pour: Callable[[bytes], None] | None = None
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def write(self) -> Callable[[bytes], None]:
        return self._transport.write

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._pour is not None:
            self._pour(data)
        else:
            self._received += data
            self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._arrived.set()
        self._room.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    async def room(self) -> None:
        """Wait until TCP takes more."""
        await self._room.wait()

    async def until(self, end: bytes) -> bytes:
        """All up to `end`. Raises `ConnectionError` when the server hangs up before."""
        while end not in self._received:
            if self.closed:
                raise ConnectionError(f"hung up after {self._received[:200]!r}")
            self._arrived.clear()
            await self._arrived.wait()
        found, _, self._received = self._received.partition(end)
        return found + end

    async def exactly(self, size: int) -> bytes:
        """Raises `ConnectionError` as `until` does."""
        while len(self._received) < size:
            if self.closed:
                raise ConnectionError("hung up in the middle")
            self._arrived.clear()
            await self._arrived.wait()
        found, self._received = self._received[:size], self._received[size:]
        return found

    def pour(self, receive: Callable[[bytes], None]) -> None:
        """From now on `receive` gets every chunk, first what is here already."""
        self._pour = receive
        rest, self._received = self._received, b""
        if rest:
            receive(rest)

    def close(self) -> None:
        self._transport.abort()


async def connect(port: int, tls: ssl.SSLContext | None = None) -> Tap:
    loop = asyncio.get_running_loop()
    _, tap = await loop.create_connection(Tap, "127.0.0.1", port, ssl=tls)
    return tap


async def connect_websocket(
    port: int,
    path: str,
    *,
    token: str = "",
    subprotocol: str = "",
    tls: ssl.SSLContext | None = None,
) -> Tap:
    """Raises `ConnectionError` when it is refused."""
    tap = await connect(port, tls)
    tap.write(upgrade_request(path, token=token, subprotocol=subprotocol))
    head = await tap.until(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(head.decode("latin-1").partition("\r\n")[0])
    return tap


class Counter:
    """Counts how often `marker` came, wherever chunks break."""

    __slots__ = ("_keep", "_marker", "_tail", "count")

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._keep = len(marker) - 1
        self._tail = b""
        self.count = 0

    def feed(self, chunk: bytes) -> int:
        """How many there were in `chunk`, or ended there."""
        text = self._tail + chunk
        found = text.count(self._marker)
        self.count += found
        self._tail = text[-self._keep :]
        return found
