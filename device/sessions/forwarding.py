"""One connection of a forward: TCP to what the device's file lists."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Final

from device.sessions.stream import Stream, StreamLost
from protocol.sessions import CLOSE, LONGEST_DATA, STDIN, STDOUT, ForwardParams, failure, success

CONNECT_SECONDS: Final = 10.0


async def addresses(host: str, port: int) -> list[str]:
    """Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def allowed(params: ForwardParams, hosts: Sequence[str]) -> str | None:
    """Where a connection goes: to the first address of the name that is one of the listed hosts'.
    Each is looked up once, so that no second answer leads elsewhere. Raises `OSError`."""
    permitted: set[str] = set()
    for host in hosts:
        permitted |= set(await addresses(host, params.port))
    wanted = await addresses(params.host, params.port)
    return next((address for address in wanted if address in permitted), None)


async def serve_forward(stream: Stream, params: ForwardParams, hosts: Sequence[str]) -> None:
    """Until one of the two ends."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            address = await allowed(params, hosts)
            if address is None:
                await stream.say(failure("Refused", "not one of sessions.forward"))
                return
            reader, writer = await asyncio.open_connection(address, params.port)
    except (OSError, TimeoutError) as error:
        await stream.say(failure("Io", str(error) or "no answer"))
        return
    try:
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(_take(stream, writer))
            giving = tasks.create_task(_give(stream, reader))
            gone = tasks.create_task(stream.gone())
            await asyncio.wait([taking, giving, gone], return_when=asyncio.FIRST_COMPLETED)
            if gone.done():  # the host takes nothing
                writer.transport.abort()
            for task in (taking, giving, gone):
                task.cancel()
    except* StreamLost:
        pass
    finally:
        writer.close()


async def _take(stream: Stream, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in stream.messages():
            if message[0] == STDIN:
                writer.write(message[1:])
                await writer.drain()
            elif message[0] == CLOSE and writer.can_write_eof():
                writer.write_eof()


async def _give(stream: Stream, reader: asyncio.StreamReader) -> None:
    try:
        while data := await reader.read(LONGEST_DATA):
            await stream.send(STDOUT, data)
    except ConnectionError:
        await stream.say(failure("Io", "the host has reset the connection"))
    else:
        await stream.say(success())
