"""The unix socket on which other programs of the device hand in events, one JSON object a line.

`scan`, `print`, `event`, `alert` and `log_line`, as they travel on the wire; and records of
production, which have a `kind` and no `type`: see `device.records.intake`. Each line is answered:
`{"ok":true}` once it is on disk, else `{"ok":false,"code","message"}` with a code of `invalid`,
`too_long`, `disabled` (production of a disabled device), `outbox_unavailable`, and for records
`conflict`, `queue_full`, `queue_unavailable`. Every event taken is durable: it gets the agent's
`bootId` and the next `seq`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import UNSET, Struct

from device.base.errors import JournalUnavailable, StateUnavailable
from device.base.socket_path import fits
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.records.intake import MOST_LINE_BYTES, IntakeAnswer, RecordIntake
from protocol.codec import decode, encode
from protocol.errors import InvalidMessage
from protocol.telemetry import Alert, Event, LogLine, Print, Scan

_log = structlog.stdlib.get_logger()

MOST_CLIENTS: Final = 64

LocalEvent = Scan | Print | Event | Alert | LogLine
_event: Final[msgspec.json.Decoder[LocalEvent]] = msgspec.json.Decoder(LocalEvent)
PRODUCTION: Final = (Scan, Print, Event)


class _Head(Struct, frozen=True):
    kind: Any = None
    type: Any = None


_head: Final = msgspec.json.Decoder(_Head)


class LocalSocket:
    def __init__(
        self,
        path: Path,
        *,
        mode: int,
        outbox: DiskOutbox,
        production: Production,
        records: RecordIntake,
        full: Callable[[], Awaitable[None]],
    ) -> None:
        """`full` is called when a record was refused for want of room."""
        self._path = path
        self._mode = mode
        self._outbox = outbox
        self._production = production
        self._records = records
        self._full = full
        self._clients: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Serve until cancelled. Raises `StateUnavailable` when the socket cannot be made."""
        server = await self._listen()
        try:
            await asyncio.Event().wait()
        finally:
            # `serve_forever` would wait here until the last client has gone.
            server.close()
            for writer in self._clients:
                writer.close()
            self._path.unlink(missing_ok=True)

    async def _listen(self) -> asyncio.Server:
        if not fits(self._path):
            raise StateUnavailable(f"the socket's path is too long: {self._path}; set `socket`")
        try:
            # The lock on the state directory says that no other agent owns this one.
            if self._path.is_socket():
                self._path.unlink()
            server = await asyncio.start_unix_server(self._serve, self._path, limit=MOST_LINE_BYTES)
            self._path.chmod(self._mode)
        except OSError as error:
            raise StateUnavailable(f"cannot listen on {self._path}: {error.strerror}") from None
        _log.info("local_socket_open", path=str(self._path))
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if len(self._clients) <= MOST_CLIENTS:
                await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                # Where the next line begins is no longer known.
                answer = IntakeAnswer(
                    ok=False, code="too_long", message=f"over {MOST_LINE_BYTES} bytes"
                )
                writer.write(encode(answer) + b"\n")
                await writer.drain()
                return
            if not line:
                return
            if line.strip():
                writer.write(encode(await self._take(line)) + b"\n")
                await writer.drain()

    async def _take(self, line: bytes) -> IntakeAnswer:
        return await (self._take_record(line) if is_record(line) else self._take_event(line))

    async def _take_record(self, line: bytes) -> IntakeAnswer:
        (answer,) = await self._records.take([line], now=datetime.now(UTC))
        if answer.code == "queue_full":
            await self._full()
        return answer

    async def _take_event(self, line: bytes) -> IntakeAnswer:
        try:
            event = accepted(decode(_event, line), now=datetime.now(UTC))
        except InvalidMessage as error:
            return IntakeAnswer(ok=False, code="invalid", message=error.message)
        reason = self._production.disabled_because
        if reason is not None and isinstance(event, PRODUCTION):
            return IntakeAnswer(
                ok=False, code="disabled", message=f"the device is disabled: {reason}"
            )
        try:
            await self._outbox.add(event)
        except JournalUnavailable as error:
            _log.error("event_not_kept", reason=str(error))
            return IntakeAnswer(ok=False, code="outbox_unavailable", message=str(error))
        return IntakeAnswer(ok=True)


def is_record(line: bytes) -> bool:
    """Whether it is meant as a record; what is wrong with it is said later."""
    try:
        head = decode(_head, line)
    except InvalidMessage:
        return False
    return head.kind is not None and head.type is None


def accepted(event: LocalEvent, *, now: datetime) -> LocalEvent:
    """`event` with its time, and without the fields that are not a local program's to set."""
    named = msgspec.structs.replace(event, ts=event.ts or now, boot_id=None, seq=None)
    if isinstance(named, LogLine):
        return msgspec.structs.replace(named, command_id=UNSET)
    return named
