"""The way out to one dashboard: straight to its connection, or through its outbox.

`deliver` is the fast path of the whole fan-out, and the only one: a dashboard that reads gets a
tick's frames, joined once for all who want the same, in one write. That is 0.05 µs a delivery where
filing each event in the outbox costs 1 µs. Only a dashboard whose transport is behind pays that.

What a dashboard holds in the process is its outbox, and what the transport has not given to the
kernel: less than `WRITE_MARK` before a write, and one write more.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dashboard_ws.core.filters import NOWHERE, Groups, Sight
from dashboard_ws.core.outbox import LIMIT, Outbox, Outgoing
from dashboard_ws.core.wire import Wire
from dashboard_ws.ports import Channel

CHUNK: Final = 64 * 1024
"""Bytes after which a joined buffer ends; it may exceed this by one frame."""
WRITE_MARK: Final = 64 * 1024
"""Not below the transport's high-water mark: what stops here must end in `drained()`."""
OUTBOX_LIMIT: Final = LIMIT - WRITE_MARK - 3 * CHUNK
NO_PROGRESS_SECONDS: Final = 9.0
"""With the sweep's second, a stalled dashboard is gone within 10."""


class Outlet:
    """`overfull` is called once, when what must be kept does not fit any more. `sight`: what its
    reader may see."""

    __slots__ = (
        "_acknowledged",
        "_connection",
        "_outbox",
        "_overfull",
        "_progress",
        "_room",
        "received",
        "sight",
        "wire",
        "written",
    )

    def __init__(
        self,
        connection: Channel,
        wire: Wire,
        overfull: Callable[[], None],
        now: float,
    ) -> None:
        self._connection = connection
        self.wire = wire
        self._overfull = overfull
        self._outbox = Outbox(wire.text, limit=OUTBOX_LIMIT)
        self._room: asyncio.Event | None = None
        self.written = 0
        """Bytes of events and frames that the connection was given."""
        self._acknowledged = 0
        self._progress = now
        self.sight = Sight(NOWHERE)
        self.received = False
        """Whether an event went out, or was lost on the way."""

    def deliver(self, joined: bytes, events: Sequence[Outgoing]) -> None:
        """Send `events`; `joined` is their frames, joined."""
        self.received = True
        if not self._outbox.size and self._connection.buffered() < WRITE_MARK:
            self.written += len(joined)
            self._connection.write(joined)
            return
        for event in events:
            if not self._outbox.add_event(event):
                self._overfull()
                return

    def say(self, text: bytes) -> None:
        """Send a frame that is never dropped, in its place among the events."""
        self.write(self.wire.text(text))

    def write(self, frame: bytes) -> None:
        """The same of one that is built."""
        if not self._outbox.size and self._connection.buffered() < WRITE_MARK:
            self.written += len(frame)
            self._connection.write(frame)
        elif not self._outbox.add_frame(frame):
            self._overfull()

    def comment(self, text: bytes) -> None:
        """Send what says nothing, unless something waits."""
        if self.is_clear():
            self._connection.write(text)

    def withdraw(self, groups_of: Mapping[str, Groups]) -> None:
        """Drop what waits of devices that its reader may not see any more."""
        sight = self.sight
        if self._outbox.size and sight.sees is not None:
            self._outbox.withdraw(lambda device_id: sight.sees_device(device_id, groups_of))

    def pump(self) -> None:
        """The transport has room again."""
        while self._outbox.size and self._connection.buffered() < WRITE_MARK:
            frames = self._outbox.take(CHUNK)
            self.written += len(frames)
            self._connection.write(frames)
        if self._room is not None and self.is_clear():
            self._room.set()
            self._room = None

    def is_clear(self) -> bool:
        return not self._outbox.size and self._connection.buffered() < WRITE_MARK

    async def room(self) -> None:
        """Wait until what was given is with the transport: a replay goes at its reader's pace."""
        while not self.is_clear():
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()

    def is_stalled(self, now: float) -> bool:
        """Whether the kernel has taken nothing for too long. To be asked about every second."""
        buffered = self._connection.buffered()
        acknowledged = self.written - buffered
        if not buffered or acknowledged > self._acknowledged:
            self._acknowledged = acknowledged
            self._progress = now
            return False
        return now - self._progress >= NO_PROGRESS_SECONDS
