"""One local program on the socket: who it is, and what it is sent beside answers.

A state is written only when the program has read what it was sent before, so one that does not read
finds the newest, and costs one line. The kernel says when that is: with the smallest buffer, a unix
socket is writable when next to nothing in it is unread (unix(7), `unix_writable`).
"""

import asyncio
import os
import select
import socket
import struct
from typing import Final

from msgspec import Struct

from device.local.local_state import LocalState, Watch
from protocol.codec import encode

SMALLEST_BUFFER: Final = 1
"""Bytes; the kernel makes its least of it."""
LAST_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")


class Peer:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._socket: Final[socket.socket] = writer.get_extra_info("socket")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALLEST_BUFFER)
        self._watch: Watch | None = None
        self._newest: LocalState | None = None
        self._awaited: int | None = None
        """What is looked at until the program has read."""

    @property
    def uid(self) -> int:
        """Of whoever connected, as the kernel says."""
        raw = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(raw)
        return uid

    def answer(self, answer: Struct) -> None:
        self._writer.write(encode(answer) + b"\n")

    async def drained(self) -> None:
        """Wait until there is room for more. Raises `OSError` when nobody is there any more."""
        await self._writer.drain()

    @property
    def watches(self) -> bool:
        return self._watch is not None

    def watch(self, watch: Watch, state: LocalState) -> None:
        self._watch = watch
        self.tell(state)

    def tell(self, state: LocalState) -> None:
        """Send what it is owed, now or when it has read."""
        self._newest = state
        if self._watch is None or self._awaited is not None or self._writer.is_closing():
            return
        if not self._has_read():
            self._await_reading()
        elif (line := self._watch.owed(state)) is not None:
            self._writer.write(line)

    def _has_read(self) -> bool:
        if self._writer.transport.get_write_buffer_size():
            return False
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLOUT)
        return bool(poll.poll(0))

    def _await_reading(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            # A descriptor of its own: the transport looks at the other one.
            self._awaited = os.dup(self._socket.fileno())
        except OSError:  # none is left
            loop.call_later(AGAIN_SECONDS, self._may_have_read)
        else:
            loop.add_writer(self._awaited, self._may_have_read)

    def _may_have_read(self) -> None:
        self._forget_awaited()
        if self._newest is not None:
            self.tell(self._newest)

    def _forget_awaited(self) -> None:
        if self._awaited is not None:
            asyncio.get_running_loop().remove_writer(self._awaited)
            os.close(self._awaited)
            self._awaited = None

    def close(self) -> None:
        """Answers that it has not read have a moment; the kernel keeps what it was given."""
        self._watch = None
        self._forget_awaited()
        self._writer.close()
        asyncio.get_running_loop().call_later(LAST_SECONDS, self._writer.transport.abort)
