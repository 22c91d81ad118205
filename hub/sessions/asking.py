"""Asks devices on lines of this replica for what was opened: each once, whoever opened it where."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import structlog

from hub.base.errors import Unavailable
from hub.lines.service import LineRef, LineService
from hub.lines.session import LineSession
from hub.sessions.ending import EndReason
from hub.sessions.records import ByteSessionRow, SessionKey
from hub.sessions.store import ByteSessionStore, SessionEnd, Unasked
from protocol.codec import encode, rfc3339
from protocol.frames import (
    SESSION_CONNECT,
    SESSION_OPEN,
    Hello,
    SessionAccepted,
    SessionConnect,
    SessionOpen,
    SessionRefused,
)
from protocol.ids import DeviceKey
from protocol.sessions import SessionKind

log = structlog.get_logger(__name__)

HELLO_SECONDS: Final = 3.0
"""For the hello of a line that has just begun."""
LOOK_SECONDS: Final = 1.0


class Ends(Protocol):
    async def note_end(self, ended: SessionEnd) -> ByteSessionRow | None: ...
    def end(self, key: SessionKey, reason: EndReason) -> None: ...


def takes(line: LineSession, kind: SessionKind | None) -> bool:
    """Whether a device understands what it would be asked; None for a connection of a forward."""
    if SESSION_OPEN not in line.accepts:
        return False
    return kind not in (None, "forward") or SESSION_CONNECT in line.accepts


class SessionAsking:
    """`hint` tells the replica that has a device's line, whichever that is."""

    def __init__(
        self,
        store: ByteSessionStore,
        lines: LineService,
        ends: Ends,
        *,
        hint: Callable[[DeviceKey], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store = store
        self._lines = lines
        self._ends = ends
        self._hint = hint
        self._spawn = spawn
        self._silent: set[DeviceKey] = set()
        """Whose hello is waited for."""

    def wanted(self, row: ByteSessionRow) -> None:
        """Something of this session is to be asked for."""
        if self._lines.registry.get(row.org, row.device_id) is None:
            self._hint((row.org, row.device_id))
        else:
            self._spawn(self.look())

    async def look(self) -> None:
        """What has been opened, and not asked for. Raises `Unavailable`."""
        for each in await self._store.unasked(self._lines.replica_id):
            line = self._lines.registry.get(each.key.org, each.device_id)
            if line is not None and not line.quarantined:
                await self._ask(each, line)

    async def said_hello(self, said: Sequence[tuple[LineRef, Hello]]) -> None:
        heard = {(ref.org, ref.device_id) for ref, _ in said} & self._silent
        if heard:
            self._silent -= heard
            await self.look()

    async def _ask(self, each: Unasked, line: LineSession) -> None:
        if not line.settled and each.age < HELLO_SECONDS:
            self._silent.add((line.org, line.device_id))
        elif SESSION_OPEN not in line.accepts:
            await self._end(each.key, EndReason.UNSUPPORTED)
        elif each.name is None:
            await self._open(each.key, line)
        elif await self._store.ask_connection(each.key, each.name):
            line.send(encode(SessionConnect(session_id=each.key.id, connection=each.name)))

    async def _open(self, key: SessionKey, line: LineSession) -> None:
        asked = await self._store.ask(key, line.boot_id)
        if asked is None:
            return
        if not takes(line, asked.kind):
            await self._end(key, EndReason.UNSUPPORTED)
            return
        line.send(
            encode(
                SessionOpen(
                    session_id=key.id,
                    kind=asked.kind,
                    params=asked.params,
                    deadline=rfc3339(asked.expires_at),
                )
            )
        )

    # What devices answer

    def refused(self, line: LineSession, frame: SessionRefused) -> None:
        self._spawn(self._note_refused(line, frame))

    def accepted(self, line: LineSession, frame: SessionAccepted) -> None:
        key = SessionKey(line.org, frame.session_id)
        self._spawn(self._store.opened(key, line.device_id))

    async def _note_refused(self, line: LineSession, frame: SessionRefused) -> None:
        key = SessionKey(line.org, frame.session_id)
        if not await self._store.is_asked(key, line.device_id):
            return
        await self._end(key, EndReason.REFUSED_BY_DEVICE, frame)

    async def _end(
        self, key: SessionKey, reason: EndReason, refusal: SessionRefused | None = None
    ) -> None:
        """Its row first: who waits for it reads why."""
        code = refusal.code if refusal else None
        message = refusal.message if refusal else None
        try:
            await self._ends.note_end(
                SessionEnd(key=key, reason=reason, code=code, message=message)
            )
        except Unavailable:
            log.warning("session_end_not_noted", session_id=key.id, reason=reason)
        self._ends.end(key, reason)
