"""Sends messages to a collector of syslog over TLS, RFC 5425."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from longline.errors import USAGE, UserError

PORT: Final = 6514
SECONDS: Final = 10.0
"""For a collector to answer, or to take what is sent."""

Send = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def collector(address: str, ca: Path | None) -> AsyncGenerator[Send]:
    """Sends frames in order. Raises `UserError` for a collector that cannot be reached, has no
    certificate for its name, or goes away."""
    host, port = place_of(address)
    try:
        tls = ssl.create_default_context(cafile=None if ca is None else str(ca))
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    except (OSError, TimeoutError) as error:
        raise UserError(f"no syslog at {address}: {_why(error)}") from None

    async def send(frame: bytes) -> None:
        writer.write(frame)
        async with asyncio.timeout(SECONDS):
            await writer.drain()
        if reader.at_eof():
            raise ConnectionResetError("it has ended the connection")

    try:
        yield send
        writer.close()
        async with asyncio.timeout(SECONDS):
            await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise UserError(f"the syslog at {address} takes no more: {_why(error)}") from None
    finally:
        writer.close()


def place_of(address: str) -> tuple[str, int]:
    """`HOST` or `HOST:PORT`, an IPv6 address in brackets. Raises `UserError`."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, str(PORT)
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError(f"{address!r} is not HOST or HOST:PORT", USAGE)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _why(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
