"""`token.sock`, beside the socket of local programs: tokens for Caddy, and for nobody else.

Everybody may connect; who is not the user of Caddy is cut off without a word (`SO_PEERCRED`).
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import structlog

from device.base.sharing import SOCKET_DIRECTORY, Sharing
from device.base.socket_path import fits
from device.broker.token_answer import MOST_HEAD, answer

_log = structlog.stdlib.get_logger()

USER: Final = "caddy"
MODE: Final = 0o666
BACKLOG: Final = 256
AGAIN_SECONDS: Final = 10.0
_CREDENTIALS: Final = struct.Struct("3i")


class TokenSocket:
    def __init__(
        self,
        path: Path,
        *,
        sharing: Sharing,
        names: Collection[str],
        token: Callable[[str], str | None],
        uid_of: Callable[[str], int | None],
    ) -> None:
        """`names`: the tokens that may be asked for; `uid_of`: of a user, if there is such a
        one."""
        self._path = path
        self._sharing = sharing
        self._names = names
        self._token = token
        self._uid_of = uid_of
        self._writers: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """For ever; a place where it cannot be made is tried again."""
        while True:
            try:
                server = await self._listen()
            except OSError as error:
                reason = error.strerror or str(error)
                _log.error("token_socket_not_open", path=str(self._path), reason=reason)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                await self._until_cancelled(server)

    async def _until_cancelled(self, server: asyncio.Server) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self._path.unlink(missing_ok=True)
            server.close()
            for writer in list(self._writers):
                writer.close()

    async def _listen(self) -> asyncio.Server:
        if not fits(self._path):
            raise OSError(f"the path is too long: {self._path}")
        self._sharing.make_directory(self._path.parent, SOCKET_DIRECTORY)
        # The lock on the state directory says that no other agent owns this one.
        if self._path.is_socket():
            self._path.unlink()
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(bound.fileno(), MODE)  # on Linux the mode of what `bind` makes
            bound.bind(str(self._path))
            self._path.chmod(MODE)
        except BaseException:
            bound.close()
            raise
        server = await asyncio.start_unix_server(
            self._serve, sock=bound, limit=MOST_HEAD, backlog=BACKLOG
        )
        _log.info("token_socket_open", path=str(self._path))
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_caddy(writer.get_extra_info("socket")):
                await self._converse(reader, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _is_caddy(self, connection: socket.socket) -> bool:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(raw)
        return uid == self._uid_of(USER)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return
            answered = answer(head, names=self._names, token=self._token)
            writer.write(answered.raw)
            await writer.drain()
            if not answered.goes_on:
                return
