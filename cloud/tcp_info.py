"""What our kernel knows of a connection."""

import asyncio
import socket
from typing import Final

from protocol.peer_kernel import INFO_SIZE

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
