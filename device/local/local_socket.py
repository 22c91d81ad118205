"""The unix socket of the programs of this device: one JSON object a line, each answered in order.

Events (`device.local.event_intake`), records, which have a `kind` and no `type`
(`device.records.intake`), and `watch`, `report`, `metrics` and `info` (`device.local.desk`). The
answer is `{"ok":true}` once it is done or on disk, else `{"ok":false,"code","message"}` with a code
of `invalid`, `too_long`, `too_many`, `disabled`, `outbox_unavailable`, `unknown_agent`,
`forbidden`, `too_many_metrics`, `reserved_name`, and for records `conflict`, `queue_full`,
`queue_unavailable`.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Final, Protocol

import structlog

from device.base.errors import StateUnavailable
from device.base.sharing import SOCKET_DIRECTORY, Sharing
from device.base.socket_path import fits
from device.local.peer import Peer
from device.records.intake import MOST_LINE_BYTES, IntakeAnswer

_log = structlog.stdlib.get_logger()

MOST_CLIENTS: Final = 64
BACKLOG: Final = 64
TOO_LONG: Final = IntakeAnswer(ok=False, code="too_long", message=f"over {MOST_LINE_BYTES} bytes")
TOO_MANY: Final = IntakeAnswer(
    ok=False, code="too_many", message=f"{MOST_CLIENTS} programs are connected"
)


class Listener(Protocol):
    """Whoever takes the lines."""

    def joined(self, peer: Peer) -> None: ...
    def left(self, peer: Peer) -> None: ...
    async def take(self, line: bytes, peer: Peer) -> None:
        """Answer it."""
        ...


class LocalSocket:
    def __init__(self, path: Path, *, mode: int, sharing: Sharing, listener: Listener) -> None:
        self._path = path
        self._mode = mode
        self._sharing = sharing
        self._listener = listener
        self._peers: set[Peer] = set()

    async def run(self) -> None:
        """Serve until cancelled. Raises `StateUnavailable` when the socket cannot be made."""
        server = await self._listen()
        try:
            await asyncio.Event().wait()
        finally:
            # `serve_forever` would wait here until the last client has gone.
            server.close()
            for peer in list(self._peers):
                peer.close()
            self._path.unlink(missing_ok=True)

    async def _listen(self) -> asyncio.Server:
        if not fits(self._path):
            raise StateUnavailable(f"the socket's path is too long: {self._path}; set `socket`")
        try:
            self._sharing.make_directory(self._path.parent, SOCKET_DIRECTORY)
            # The lock on the state directory says that no other agent owns this one.
            if self._path.is_socket():
                self._path.unlink()
            server = await asyncio.start_unix_server(
                self._serve, sock=self._bound(), limit=MOST_LINE_BYTES, backlog=BACKLOG
            )
        except OSError as error:
            raise StateUnavailable(f"cannot listen on {self._path}: {error.strerror}") from None
        _log.info("local_socket_open", path=str(self._path))
        return server

    def _bound(self) -> socket.socket:
        """The agent's alone until it has its group."""
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(bound.fileno(), 0o600)  # on Linux the mode of what `bind` makes
            bound.bind(str(self._path))
            self._sharing.share(self._path, self._mode)
        except BaseException:
            bound.close()
            raise
        return bound

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        if len(self._peers) >= MOST_CLIENTS:
            peer.answer(TOO_MANY)
            peer.close()
            return
        self._peers.add(peer)
        self._listener.joined(peer)
        try:
            await self._converse(reader, peer)
        except OSError:
            pass
        finally:
            self._peers.discard(peer)
            self._listener.left(peer)
            peer.close()

    async def _converse(self, reader: asyncio.StreamReader, peer: Peer) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                peer.answer(TOO_LONG)  # and where the next line begins is no longer known
                return
            if not line:
                return
            if line.strip():
                await self._listener.take(line, peer)
                await peer.drained()
