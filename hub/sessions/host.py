"""The sessions whose sockets this replica has: joined here or through the relay, counted, recorded,
and ended on both sides.

That a session has ended stands in its row. Whoever ends one tells the other side through the relay;
each replica also looks every second what has become of the sessions that it has, so that no lost
word leaves a socket open.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final

import structlog

from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.base import metrics
from hub.base.errors import Unavailable
from hub.base.principal import Principal
from hub.sessions.channels import Which, other
from hub.sessions.ending import CODES, OF_CONNECTION, EndReason, reason_of_close
from hub.sessions.pair import Pair, PairEnd
from hub.sessions.recording import Recorder
from hub.sessions.records import (
    IDLE_KINDS,
    IDLE_SECONDS,
    ByteSessionRow,
    ConnectionRow,
    SessionKey,
)
from hub.sessions.relay import FINISH_SECONDS, Relay, RelayedEnd, RelayMessage, RelayRoute
from hub.sessions.store import ByteSessionStore, SessionEnd
from protocol.ids import ReplicaId

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 1.0
GRACE_LOOKS: Final = int((FINISH_SECONDS + 10) / LOOK_SECONDS)
"""So often what has ended well is still seen here while its last bytes are on their way: longer
than the replica that has them waits for its reader."""


class JoinedSession:
    """One session, as far as it is here."""

    def __init__(self, row: ByteSessionRow, now: float) -> None:
        self.row = row
        self.pairs: dict[str, Pair] = {}
        self.person: Principal | None = None
        self.device: Principal | None = None
        self.recorder: Recorder | None = None
        self.down = row.bytes_down
        self.up = row.bytes_up
        self.counted = (row.bytes_down, row.bytes_up)
        self.last_byte = now
        self.looks: Counter[str] = Counter()
        """How often the end of each connection was seen in the database."""

    @property
    def key(self) -> SessionKey:
        return self.row.key


class SessionHost:
    """`spawn` runs what takes time."""

    def __init__(
        self,
        store: ByteSessionStore,
        audit: AuditService,
        relay: Relay,
        *,
        replica_id: ReplicaId,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._audit = audit
        self._relay = relay
        self.replica_id = replica_id
        self._spawn = spawn
        self._clock = clock
        self._sessions: dict[SessionKey, JoinedSession] = {}
        self._notes: set[SessionKey] = set()
        """Ends on their way into the database."""
        self._noted = asyncio.Event()
        self._noted.set()
        relay.arrived = self._introduced
        relay.lost = self._relay_lost

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, key: SessionKey) -> bool:
        return key in self._sessions

    def __iter__(self) -> "Iterator[JoinedSession]":
        return iter(list(self._sessions.values()))

    # Sides

    def join(
        self,
        row: ByteSessionRow,
        connection: ConnectionRow,
        which: Which,
        end: PairEnd,
        by: Principal,
    ) -> Pair:
        """A socket of this replica is a side from now on."""
        session = self._session(row)
        pair = self._pair(session, connection.name)
        if which == "person":
            session.person = by
        else:
            session.device = by
            self._record(session)
        elsewhere = connection.holder(other(which))
        if elsewhere not in (None, self.replica_id) and pair.end_of(other(which)) is None:
            self._relayed(session, connection.name, pair, other(which), elsewhere).hello()
        pair.join(which, end)
        return pair

    def left(self, key: SessionKey, name: str, which: Which, code: int) -> None:
        """A socket has closed with this code."""
        session = self._sessions.get(key)
        pair = session.pairs.get(name) if session else None
        if pair is not None:
            pair.left(which, reason_of_close(code))

    def never_opened(self, row: ByteSessionRow, connection: ConnectionRow, which: Which) -> None:
        """A side was claimed, and its socket lost before it opened."""
        session = self._session(row)
        self._pair(session, connection.name).end(EndReason.CLOSED)

    def _session(self, row: ByteSessionRow) -> JoinedSession:
        session = self._sessions.get(row.key)
        if session is None:
            session = self._sessions[row.key] = JoinedSession(row, self._clock())
            metrics.sessions.set(len(self._sessions))
        return session

    def _pair(self, session: JoinedSession, name: str) -> Pair:
        pair = session.pairs.get(name)
        if pair is None:
            pair = session.pairs[name] = Pair(
                watch=partial(self._saw, session),
                ended=partial(self._pair_ended, session, name),
                full=lambda: session.recorder is not None and session.recorder.is_full,
            )
        return pair

    def _relayed(
        self, session: JoinedSession, name: str, pair: Pair, which: Which, replica_id: ReplicaId
    ) -> RelayedEnd:
        end = RelayedEnd(
            self._relay,
            RelayRoute(session.key, name, which, replica_id),
            received=pair.received,
            drained=pair.drained,
            ended=pair.end,
        )
        self._relay.add(end)
        pair.join(which, end)
        return end

    def _introduced(self, message: RelayMessage) -> None:
        """Another replica has the other side of something here."""
        session = self._sessions.get(SessionKey(message.org, message.session_id))
        pair = session.pairs.get(message.name) if session else None
        if session is None or pair is None or pair.end_of(message.which) is not None:
            return
        end = self._relayed(session, message.name, pair, message.which, message.sender)
        end.arrived(message)

    # What goes through

    def _saw(self, session: JoinedSession, which: Which, message: bytes) -> None:
        session.last_byte = self._clock()
        if which == "person":
            session.down += len(message) - 1
        else:
            session.up += len(message) - 1
        if session.recorder is not None:
            session.recorder.saw(message)

    def _record(self, session: JoinedSession) -> None:
        if not session.row.recorded or session.recorder is not None:
            return
        session.recorder = Recorder(
            partial(self._store.add_chunk, session.key),
            partial(self.end, session.key),
            self._spawn,
            partial(self._stored, session),
            self._clock,
        )

    def _stored(self, session: JoinedSession) -> None:
        for pair in session.pairs.values():
            pair.drained("person")

    # Ends

    def end(self, key: SessionKey, reason: EndReason) -> None:
        """As far as it is here; the other side is told."""
        session = self._sessions.get(key)
        if session is None:
            return
        if not session.pairs:
            self._over(session, reason)
        for pair in list(session.pairs.values()):
            pair.end(reason)
        if key in self._sessions:  # a forward, which its pairs do not end
            self._over(session, reason)

    def end_where(self, is_meant: Callable[[JoinedSession], bool], reason: EndReason) -> None:
        for session in list(self._sessions.values()):
            if is_meant(session):
                self.end(session.key, reason)

    def _pair_ended(self, session: JoinedSession, name: str, reason: EndReason) -> None:
        if session.row.kind == "forward" and reason in OF_CONNECTION:
            session.pairs.pop(name, None)
            self._spawn(self._note_connection(session.key, name))
            self._spawn(self._leave_if_empty(session))
        else:
            self._over(session, reason)

    async def _leave_if_empty(self, session: JoinedSession) -> None:
        """A forward without connections is none of ours. Its next connection begins from what is in
        the row by then; while the database is away, the session stays for the next look."""
        if session.pairs:
            return
        with contextlib.suppress(Unavailable):
            await self._count(session)
            if not session.pairs and self._sessions.get(session.key) is session:
                del self._sessions[session.key]
                metrics.sessions.set(len(self._sessions))

    def _over(self, session: JoinedSession, reason: EndReason) -> None:
        if self._sessions.pop(session.key, None) is None:
            return
        metrics.sessions.set(len(self._sessions))
        metrics.sessions_ended.labels(reason).inc()
        for pair in session.pairs.values():
            pair.end(reason)
        self._notes.add(session.key)
        self._noted.clear()
        self._spawn(self._note(session, reason))

    async def _note(self, session: JoinedSession, reason: EndReason) -> None:
        """However long the database is away."""
        try:
            await self._note_recording(session)
            ended = SessionEnd(key=session.key, reason=reason, down=session.down, up=session.up)
            while True:
                try:
                    await self.note_end(ended)
                except Unavailable:
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    return
        finally:
            self._notes.discard(session.key)
            if not self._notes:
                self._noted.set()

    async def _note_recording(self, session: JoinedSession) -> None:
        if session.recorder is None or not await session.recorder.finish():
            return
        try:
            await self._store.recorded(session.key)
        except Unavailable:
            log.warning("recording_not_finished", session_id=session.key.id)

    async def _note_connection(self, key: SessionKey, name: str) -> None:
        await self._store.end_connection(key, name)

    async def note_end(
        self, ended: SessionEnd, by: AuditEntry | None = None
    ) -> ByteSessionRow | None:
        """In its row and in the audit; None when it had ended. Raises `Unavailable`."""
        async with self._store.database.transaction() as connection:
            row = await self._store.end(connection, ended)
            if row is not None:
                await self._audit.record(connection, by or _end_of(row))
        return row

    async def flush(self) -> None:
        """Wait until every end is noted."""
        await self._noted.wait()

    def drain(self) -> None:
        """Everything is made anew elsewhere."""
        self.end_where(lambda _: True, EndReason.DRAINING)

    def _relay_lost(self) -> None:
        for session in list(self._sessions.values()):
            for pair in list(session.pairs.values()):
                if len(pair.ends_here()) == 1 and pair.is_joined:
                    pair.end(EndReason.RELAY_LOST)

    # What has become of them

    async def look(self) -> None:
        """Once a second. Raises `Unavailable`."""
        now = self._clock()
        for session in list(self._sessions.values()):
            if session.recorder is not None:
                session.recorder.look()
            idle = now - session.last_byte > IDLE_SECONDS
            if session.row.kind in IDLE_KINDS and session.device is not None and idle:
                self.end(session.key, EndReason.IDLE)
        if not self._sessions:
            return
        for row in await self._store.here(list(self._sessions)):
            self._found(row)
        for session in list(self._sessions.values()):
            await self._count(session)
            await self._leave_if_empty(session)

    def _found(self, row: ConnectionRow) -> None:
        session = self._sessions.get(row.key)
        if session is None:
            return
        pair = session.pairs.get(row.name)
        if row.session_ended:
            reason = EndReason(row.reason or EndReason.CLOSED)
            if not CODES[reason].after_data:
                self.end(row.key, reason)
            elif self._is_cut(session, row.name):
                self.end(row.key, EndReason.RELAY_GAP)
        elif pair is not None:
            if not row.ended:
                self._found_elsewhere(session, pair, row)
            elif not pair.is_joined:
                pair.end(EndReason.SIDE_MISSING)
            elif self._is_cut(session, row.name):
                pair.end(EndReason.RELAY_GAP)

    def _is_cut(self, session: JoinedSession, name: str) -> bool:
        """Whether the last bytes before an end have been awaited for too long."""
        session.looks[name] += 1
        return session.looks[name] > GRACE_LOOKS

    def _found_elsewhere(self, session: JoinedSession, pair: Pair, row: ConnectionRow) -> None:
        """A side has come, and its greeting was lost."""
        for which in ("person", "device"):
            holder = row.holder(which)
            if holder not in (None, self.replica_id) and pair.end_of(which) is None:
                self._relayed(session, row.name, pair, which, holder).hello()

    async def _count(self, session: JoinedSession) -> None:
        count = session.down, session.up
        if session.device is not None and count != session.counted:
            await self._store.count(session.key, down=session.down, up=session.up)
            session.counted = count

    async def end_due(self) -> None:
        """Sessions that are over, of whatever replica: done by one for all."""
        for ended in await self._store.due():
            await self.note_end(ended)
        await self._store.end_lonely()


def _end_of(row: ByteSessionRow) -> AuditEntry:
    return AuditEntry(
        org=row.org,
        actor="hub",
        action="session.end",
        target=row.device_id,
        reason=row.reason,
        detail=end_detail(row),
    )


def end_detail(row: ByteSessionRow) -> dict[str, Any]:
    return {
        "sessionId": row.id,
        "kind": row.kind,
        "bytesDown": row.bytes_down,
        "bytesUp": row.bytes_up,
        "recording": row.has_recording,
    }
