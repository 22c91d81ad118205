"""Durable events between the moment they happened and `event_ack`: order, bounds, what goes next.

Each event has a name that never changes: (bootId, seq), the agent's start that took it and its
place in that start. An event that outlives its process keeps both, so the hub can tell a repeat
from a new one. Events are held in the order they happened. On a new line sending begins again at
the first; on a line at most `WINDOW` are under way.

The bound is in events and in bytes. When one is passed the oldest telemetry goes first and is
counted; an alert goes only when there is nothing but alerts, the oldest first, and is counted too.
This class knows names and sizes; the frames themselves are on disk (`device.events.disk_outbox`)
or, in the simulator, in memory.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

WINDOW: Final = 512


class EventKey(NamedTuple):
    boot_id: str
    seq: int


class HeldEvent(NamedTuple):
    """An event that is held: its size on the wire, and whether it is an alert."""

    key: EventKey
    size: int
    alert: bool


class OutboxBounds(Struct, frozen=True, kw_only=True):
    events: int = 50_000
    bytes: int = 64 * 1024 * 1024


class Added(NamedTuple):
    key: EventKey
    dropped: list[EventKey]


class Outbox:
    def __init__(
        self, *, boot_id: str, bounds: OutboxBounds, held: Iterable[HeldEvent] = ()
    ) -> None:
        """`held` is what is still there from earlier starts, oldest first."""
        self._boot_id = boot_id
        self._bounds = bounds
        self._next_seq = 1
        self._held: OrderedDict[EventKey, HeldEvent] = OrderedDict(
            (event.key, event) for event in held
        )
        self._telemetry: OrderedDict[EventKey, None] = OrderedDict(
            (event.key, None) for event in self._held.values() if not event.alert
        )
        self._bytes = sum(event.size for event in self._held.values())
        self._unsent: deque[EventKey] = deque(self._held)
        self._under_way: set[EventKey] = set()

    @property
    def depth(self) -> int:
        """Events that the hub has not acknowledged."""
        return len(self._held)

    @property
    def bytes(self) -> int:
        return self._bytes

    def add(self, *, size: int, alert: bool) -> Added:
        """Take an event of `size` bytes; what had to go for it is in `dropped`."""
        key = EventKey(self._boot_id, self._next_seq)
        self._next_seq += 1
        self._held[key] = HeldEvent(key, size, alert)
        self._bytes += size
        if not alert:
            self._telemetry[key] = None
        self._unsent.append(key)
        return Added(key, self._overflow())

    def rebound(self, bounds: OutboxBounds) -> list[EventKey]:
        """Other bounds from now on; what had to go for them."""
        self._bounds = bounds
        return self._overflow()

    def _overflow(self) -> list[EventKey]:
        dropped: list[EventKey] = []
        while len(self._held) > self._bounds.events or self._bytes > self._bounds.bytes:
            key = next(iter(self._telemetry or self._held))
            self._remove(key)
            dropped.append(key)
        return dropped

    def rewind(self) -> None:
        """A new line: begin again at the lowest that is not acknowledged."""
        self._unsent = deque(self._held)
        self._under_way.clear()

    def take(self, most: int) -> list[EventKey]:
        """The next to send, in order; empty while the window is full."""
        taken: list[EventKey] = []
        room = min(most, WINDOW - len(self._under_way))
        while self._unsent and len(taken) < room:
            key = self._unsent.popleft()
            if key in self._held:
                taken.append(key)
        self._under_way.update(taken)
        return taken

    def acknowledge(self, boot_id: str, seq: int) -> list[EventKey]:
        """The hub has everything of `boot_id` up to `seq`: those are held no longer."""
        done: list[EventKey] = []
        for key in self._held:
            if key.boot_id == boot_id and key.seq <= seq:
                done.append(key)
            elif done:
                break
        for key in done:
            self._remove(key)
        return done

    def discard(self, key: EventKey) -> bool:
        """Hold `key` no longer: refused by the hub, or never written. False if it was not held."""
        if key not in self._held:
            return False
        self._remove(key)
        return True

    def clear(self) -> list[EventKey]:
        keys = list(self._held)
        for key in keys:
            self._remove(key)
        return keys

    def _remove(self, key: EventKey) -> None:
        event = self._held.pop(key)
        self._telemetry.pop(key, None)
        self._under_way.discard(key)
        self._bytes -= event.size
