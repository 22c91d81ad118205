"""`longline forward`: a port of this machine that leads through a device."""

import asyncio
import sys
from typing import Annotated

import typer
from websockets.asyncio.client import ClientConnection

from longline.byte_session import (
    CaFile,
    Device,
    Hub,
    Insecure,
    SessionCaller,
    TokenFile,
    messages,
    run,
)
from longline.errors import USAGE, UserError
from protocol.sessions import END_OF_STDIN, LONGEST_DATA, STDIN, STDOUT, status_in


def places_of(given: str) -> tuple[int, str, int]:
    """(local port, host, port) of `8080:127.0.0.1:80`. Raises `UserError`."""
    local, _, rest = given.partition(":")
    host, _, port = rest.rpartition(":")
    if not (local.isdecimal() and port.isdecimal() and host):
        raise UserError(f"{given!r} is not PORT:HOST:PORT", USAGE)
    return int(local), host.strip("[]"), int(port)


def command(
    device: Device,
    places: Annotated[str, typer.Argument(help="PORT:HOST:PORT: of this machine, behind it.")],
    *,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> int:
    """Lead a port of this machine through a device, until Ctrl-C."""
    local, host, port = places_of(places)
    caller = SessionCaller(hub, token_file, ca_file, insecure=insecure)
    path = caller.open(device, "forward", host=host, port=port)
    return run(lambda: serve(caller, path, local))


async def serve(caller: SessionCaller, path: str, local: int) -> None:
    number = 0

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        number += 1
        try:
            async with caller.connected(f"{path}?connection=c{number}") as connection:
                await _carry(connection, reader, writer)
        except UserError as error:
            sys.stderr.write(f"longline: {error.message}\n")
        finally:
            writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", local)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"127.0.0.1:{port} leads through the device\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


async def _carry(
    connection: ClientConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async def give() -> None:
        while data := await reader.read(LONGEST_DATA):
            await connection.send(bytes((STDIN,)) + data)
        await connection.send(END_OF_STDIN)

    giving = asyncio.create_task(give())
    try:
        async for message in messages(connection):
            status = status_in(message)
            if message[0] == STDOUT:
                writer.write(message[1:])
                await writer.drain()
            elif status is not None and status.status == "Failure":
                sys.stderr.write(f"longline: {status.reason}: {status.message}\n")
                writer.transport.abort()
    finally:
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)
