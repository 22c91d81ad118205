"""`longline cp`: one file, from a device or to it. A copy that was cut goes on where it was."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from longline.byte_session import (
    CaFile,
    Hub,
    Insecure,
    SessionCaller,
    TokenFile,
    exit_code_of,
    messages,
    run,
)
from longline.errors import USAGE, UserError
from protocol.sessions import (
    END_OF_STDIN,
    LONGEST_DATA,
    STDIN,
    STDOUT,
    Status,
    info_in,
    status_in,
)


def on_device(place: str) -> tuple[str, str] | None:
    """(device, path) of `device:/path`; None for a file of this machine."""
    device, colon, path = place.partition(":/")
    return (device, f"/{path}") if colon and "/" not in device and device else None


def command(
    source: Annotated[str, typer.Argument(help="A file, or DEVICE:/path.")],
    target: Annotated[str, typer.Argument(help="A file or directory, or DEVICE:/path.")],
    *,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> int:
    """Copy a file from a device, or to it, where its file allows it."""
    there, here = on_device(source), on_device(target)
    if (there is None) == (here is None):
        raise UserError("one of the two is a file on a device: DEVICE:/path", USAGE)
    caller = SessionCaller(hub, token_file, ca_file, insecure=insecure)
    if there is not None:
        return _down(caller, *there, Path(target))
    assert here is not None  # noqa: S101 - one of the two
    return _up(caller, Path(source), *here)


def _down(caller: SessionCaller, device: str, path: str, target: Path) -> int:
    if target.is_dir():
        target /= Path(path).name
    part = target.with_name(f".{target.name}.part")
    offset = part.stat().st_size if part.exists() else 0
    url = caller.open(device, "file", path=path, direction="down", offset=offset)

    async def work() -> int:
        status, digest = None, ""
        async with caller.connected(url) as connection:
            with part.open("ab") as file:
                async for message in messages(connection):
                    if message[0] == STDOUT:
                        file.write(message[1:])
                    elif (said := info_in(message)) is not None:
                        digest = said.get("sha256", digest)
                    else:
                        status = status_in(message) or status
        return _finish(status, digest, part, target)

    return run(work)


def _finish(status: Status | None, digest: str, part: Path, target: Path) -> int:
    if status is None:
        raise UserError("the session has ended before the file did")
    if status.status == "Failure":
        if status.reason == "Refused":  # it is another file by now
            part.unlink(missing_ok=True)
        return exit_code_of(status)
    if _digest(part) != digest:
        part.unlink()
        raise UserError("the hash is another: the file has changed meanwhile; try again")
    part.replace(target)
    return 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _up(caller: SessionCaller, source: Path, device: str, path: str) -> int:
    if path.endswith("/"):
        path += source.name
    try:
        size, digest = source.stat().st_size, _digest(source)
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror}") from None
    mode = f"{source.stat().st_mode & 0o777:04o}"
    url = caller.open(
        device, "file", path=path, direction="up", size=size, sha256=digest, mode=mode
    )

    async def work() -> int:
        async with caller.connected(url) as connection:
            return await give(connection, source)

    return run(work)


async def give(connection: ClientConnection, source: Path) -> int:
    """The file, from where the device says; the exit code."""
    status = None
    async for message in messages(connection):
        said = info_in(message)
        if said is not None and "offset" in said:
            await _send(connection, source, int(said["offset"]))
        status = status_in(message) or status
    if status is None:
        raise UserError("the session has ended before the file was there")
    return exit_code_of(status)


async def _send(connection: ClientConnection, source: Path, offset: int) -> None:
    """How the session has ended is said by its messages."""
    with contextlib.suppress(ConnectionClosed), source.open("rb") as file:
        file.seek(offset, os.SEEK_SET)
        while data := file.read(LONGEST_DATA):
            await connection.send(bytes((STDIN,)) + data)
        await connection.send(END_OF_STDIN)
