"""A person's end of a session on a device: opened over REST, carried by a socket of its own."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from cloud.outward import WayOut
from cloud.patient import PatientConnection
from longline.calling import HubCaller
from longline.errors import USAGE, UserError
from longline.hub_token import TokenFile, token_of
from longline.outward import CaFile, Insecure, way_out_to
from protocol.peer_kernel import LOOK_SECONDS
from protocol.sessions import (
    END_OF_STDIN,
    LONGEST_DATA,
    STDERR,
    STDIN,
    STDOUT,
    SUBPROTOCOL,
    Status,
    resize,
    status_in,
)

Hub = Annotated[
    str | None,
    typer.Option(envvar="LONGLINE_HUB_URL", help="URL of the hub (or LONGLINE_HUB_URL)."),
]
Device = Annotated[str, typer.Argument(help="The id of the device.")]
FAILED: Final = 1

__all__ = ["CaFile", "Device", "Hub", "Insecure", "TokenFile"]


class SessionCaller:
    """Opens sessions. `hub` and `token` as the caller gave them. Raises `UserError`."""

    def __init__(
        self, hub: str | None, token_file: Path | None, ca_file: Path | None, *, insecure: bool
    ) -> None:
        if hub is None:
            raise UserError("which hub? give --hub or LONGLINE_HUB_URL", USAGE)
        self._hub = hub.rstrip("/")
        self._way_out: WayOut = way_out_to(hub, ca_file, insecure=insecure)
        self._token = token_of(token_file)
        self._rest = HubCaller(hub, self._way_out, self._token)

    def open(self, device: str, kind: str, **params: object) -> str:
        """The path of its socket."""
        given = {name: value for name, value in params.items() if value is not None}
        made = self._rest.post(f"/devices/{device}/sessions", {"kind": kind, "params": given})
        return str(made["url"])

    @asynccontextmanager
    async def connected(self, path: str) -> AsyncGenerator[ClientConnection]:
        url = f"ws{self._hub.removeprefix('http')}{path}"
        try:
            connection = await connect(
                url,
                additional_headers={"Authorization": f"Bearer {self._token}"},
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                proxy=self._way_out.proxy_to(url),
                ssl=self._way_out.context if url.startswith("wss:") else None,
                ping_interval=LOOK_SECONDS,
                create_connection=PatientConnection,
            )
        except InvalidStatus as error:
            raise UserError(f"refused ({error.response.status_code})") from None
        except (OSError, InvalidHandshake) as error:
            raise UserError(f"cannot connect: {error or type(error).__name__}") from None
        async with connection:
            yield connection


async def messages(connection: ClientConnection) -> AsyncIterator[bytes]:
    """Until it is closed. Raises `UserError` for an end that the device did not say."""
    try:
        async for message in connection:
            if isinstance(message, bytes) and message:
                yield message
    except ConnectionClosed:
        pass
    if connection.close_code != 1000:
        reason = connection.close_reason or "the connection broke"
        raise UserError(f"the session has ended: {reason} ({connection.close_code})")


def exit_code_of(status: Status) -> int:
    """For this process; says what went wrong."""
    code = status.exit_code
    if code is not None:
        return code
    sys.stderr.write(f"longline: {status.reason}: {status.message}\n")
    return FAILED


def last_code(connection: ClientConnection, code: int | None) -> int:
    """Raises `UserError` for a session that was cut before the device said how it ended."""
    if code is None:
        raise UserError(f"the session has ended: {connection.close_reason or 'without a word'}")
    return code


@contextmanager
def raw_terminal() -> Generator[bool]:
    """Whether standard input is a terminal, which then hands on each key."""
    if not sys.stdin.isatty():
        yield False
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


async def carry(connection: ClientConnection, *, terminal: bool) -> int:
    """Standard input, output and error of this process; the exit code of the program."""
    loop = asyncio.get_running_loop()

    def say_size() -> None:
        size = shutil.get_terminal_size()
        sending = loop.create_task(_send(connection, resize(size.columns, size.lines)))
        sizes.add(sending)
        sending.add_done_callback(sizes.discard)

    sizes: set[asyncio.Task[None]] = set()
    if terminal:
        loop.add_signal_handler(signal.SIGWINCH, say_size)
        say_size()
    giving = loop.create_task(_give(connection))
    code: int | None = None
    try:
        async for message in messages(connection):
            if message[0] in (STDOUT, STDERR):
                target = sys.stdout if message[0] == STDOUT else sys.stderr
                target.buffer.write(message[1:])
                target.buffer.flush()
            elif (status := status_in(message)) is not None:
                code = exit_code_of(status)
    finally:
        giving.cancel()
        if terminal:
            loop.remove_signal_handler(signal.SIGWINCH)
    return last_code(connection, code)


async def _send(connection: ClientConnection, message: bytes) -> None:
    with contextlib.suppress(ConnectionClosed):
        await connection.send(message)


async def _give(connection: ClientConnection) -> None:
    """Standard input, until its end."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    descriptor = sys.stdin.fileno()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:  # a file is always readable
        while data := await asyncio.to_thread(os.read, descriptor, LONGEST_DATA):
            await _send(connection, bytes((STDIN,)) + data)
        await _send(connection, END_OF_STDIN)
        return
    try:
        while True:
            await readable.wait()
            readable.clear()
            data = os.read(descriptor, LONGEST_DATA)
            await _send(connection, bytes((STDIN,)) + data if data else END_OF_STDIN)
            if not data:
                return
    finally:
        loop.remove_reader(descriptor)


def run(work: Callable[[], Awaitable[Any]]) -> int:
    """The exit code of what runs on a loop."""

    async def main() -> Any:
        return await work()

    found = asyncio.run(main())
    return found if isinstance(found, int) else 0


def in_terminal(caller: SessionCaller, path: str) -> int:
    """This terminal is the device's until its program ends."""

    async def work() -> int:
        with raw_terminal() as terminal:
            async with caller.connected(path) as connection:
                return await carry(connection, terminal=terminal)

    return run(work)
