"""A client's socket whose peer may read nothing for as long as it likes.

While what was read waits for its reader, pongs wait behind it; so a missing pong is no proof. A
ping is sent, which a peer that is gone does not acknowledge, and the kernel is asked about that.
"""

import asyncio
import socket
from typing import Final

from websockets.asyncio.client import ClientConnection

from protocol.peer_kernel import INFO_SIZE, LOOK_SECONDS, PeerKernel

_TCP_INFO: Final[int | None] = getattr(socket, "TCP_INFO", None)
"""Not on every system; without it the kernel's own patience counts."""


def tcp_info(transport: asyncio.BaseTransport) -> bytes:
    """What the kernel knows of it; nothing where it does not say."""
    sock = transport.get_extra_info("socket")
    if sock is None or _TCP_INFO is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return b""
    try:
        return bytes(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, INFO_SIZE))
    except OSError:  # it is closed
        return b""


class PatientConnection(ClientConnection):
    """Pass it as `create_connection`, with a `ping_interval`."""

    async def keepalive(self) -> None:
        peer = PeerKernel()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if peer.is_gone(tcp_info(self.transport)):
                self.transport.abort()
                return
            if not self.transport.get_write_buffer_size():  # else a ping waits like all else
                await self.ping()
