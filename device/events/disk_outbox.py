"""Durable events on disk: the frames behind the names that `device.events.outbox` decides about."""

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from device.base.database import Database, get_meta, set_meta
from device.base.errors import JournalUnavailable
from device.events.outbox import EventKey, HeldEvent, Outbox, OutboxBounds
from protocol.codec import encode
from protocol.telemetry import Alert, Telemetry
from protocol.workloads import WorkloadStatus

_log = structlog.stdlib.get_logger()

BATCH: Final = 64
Durable = Telemetry | WorkloadStatus
_NAME_BYTES: Final = 96
"""What `bootId` and `seq` add to a frame at most."""


class DiskOutbox:
    """`wake` is set whenever there may be something to send."""

    def __init__(self, database: Database, *, boot_id: str, bounds: OutboxBounds) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self._core = Outbox(boot_id=boot_id, bounds=bounds, held=database.now(_held_events))
        self._dropped = int(database.now(lambda c: get_meta(c, "outbox_dropped")) or 0)
        self.wake: Final = asyncio.Event()
        self.changed: Final = asyncio.Condition()

    @property
    def depth(self) -> int:
        return self._core.depth

    @property
    def dropped(self) -> int:
        """Events dropped for want of room since the database was made."""
        return self._dropped

    async def add(self, event: Durable) -> None:
        """Keep `event` until the hub has it. Raises `JournalUnavailable`; then it is not kept."""
        is_alert = isinstance(event, Alert)
        added = self._core.add(size=len(encode(event)) + _NAME_BYTES, alert=is_alert)
        frame = _named(event, added.key)
        dropped = self._count(added.dropped)

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO event (boot_id, seq, alert, frame) VALUES (?, ?, ?, ?)",
                (*added.key, is_alert, frame),
            )
            if added.dropped:
                _delete(connection, added.dropped)
                set_meta(connection, "outbox_dropped", str(dropped))

        try:
            await self._database.write(job)
        except JournalUnavailable:
            self._core.discard(added.key)
            raise
        self.wake.set()

    async def rebound(self, bounds: OutboxBounds) -> None:
        """Other bounds from now on. Raises `JournalUnavailable`."""
        dropped = self._core.rebound(bounds)
        if not dropped:
            return
        total = str(self._count(dropped))

        def job(connection: sqlite3.Connection) -> None:
            _delete(connection, dropped)
            set_meta(connection, "outbox_dropped", total)

        await self._database.write(job)

    def _count(self, dropped: Sequence[EventKey]) -> int:
        """Each is counted, and that there were any is said."""
        if dropped:
            _log.warning("events_dropped", events=len(dropped), first=dropped[0].seq)
        self._dropped += len(dropped)
        return self._dropped

    async def take(self) -> list[bytes]:
        """The next frames to send, in order; waits until there are some."""
        while not (keys := self._core.take(BATCH)):
            self.wake.clear()
            await self.wake.wait()
        return await self._database.read(lambda connection: _frames(connection, keys))

    def rewind(self) -> None:
        self._core.rewind()
        self.wake.set()

    async def acknowledge(self, boot_id: str, seq: int) -> None:
        """Raises `JournalUnavailable`: the rows stay, and are sent again after a restart."""
        await self._forget(self._core.acknowledge(boot_id, seq))

    async def refuse(self, key: EventKey) -> None:
        """The hub will never take `key`. Raises `JournalUnavailable`."""
        if self._core.discard(key):
            await self._forget([key])

    async def clear(self) -> int:
        """Delete everything; how many there were. Raises `JournalUnavailable`."""
        keys = self._core.clear()
        await self._forget(keys)
        return len(keys)

    async def drained(self) -> None:
        """Wait until nothing is held."""
        async with self.changed:
            await self.changed.wait_for(lambda: not self._core.depth)

    async def _forget(self, keys: Sequence[EventKey]) -> None:
        self.wake.set()
        async with self.changed:
            self.changed.notify_all()
        if keys:
            await self._database.write(lambda connection: _delete(connection, keys))


def _named(event: Durable, key: EventKey) -> bytes:
    return encode(msgspec.structs.replace(event, boot_id=key.boot_id, seq=key.seq))


def _held_events(connection: sqlite3.Connection) -> list[HeldEvent]:
    rows = connection.execute(
        "SELECT boot_id, seq, length(frame), alert FROM event ORDER BY position"
    )
    return [
        HeldEvent(EventKey(boot_id, seq), size, bool(alert)) for boot_id, seq, size, alert in rows
    ]


def _delete(connection: sqlite3.Connection, keys: Sequence[EventKey]) -> None:
    connection.executemany("DELETE FROM event WHERE boot_id = ? AND seq = ?", keys)


def _frames(connection: sqlite3.Connection, keys: Sequence[EventKey]) -> list[bytes]:
    """Frames of `keys` in their order; one that was deleted meanwhile is left out."""
    found = [
        connection.execute("SELECT frame FROM event WHERE boot_id = ? AND seq = ?", key).fetchone()
        for key in keys
    ]
    return [row[0] for row in found if row is not None]
