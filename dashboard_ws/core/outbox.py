"""What one dashboard has yet to be sent, within a bound.

An outbox fills only when its dashboard does not read. When something does not fit, room is made in
this order (protocol.md, 2):

1. a `status` of which a newer one of the same device is queued goes;
2. the oldest event that may be dropped goes, the new one itself when there is no older;
3. the rest is kept at any price (`command_result`, `alert`, the newest `status` of each device,
   answers and gaps): the outbox is overfull, and whoever holds it closes the socket.

Each event that goes leaves a gap (`slow`) in its place, with its exact offsets; gaps that have come
to stand next to each other become one. So offsets rise, and nothing is missing without a word.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from protocol import codec
from protocol.dashboard import Gap

LIMIT: Final = 1 << 20
"""Bytes a dashboard may hold in the process: what waits here and what its transport holds."""
KEPT: Final = frozenset({"command_result", "alert"})
STATUS: Final = "status"


class Outgoing(Struct, frozen=True, gc=False):
    """One event as it goes out, built once for all dashboards."""

    epoch: str
    offset: int
    type: str
    device_id: str
    frame: bytes
    """The WebSocket frame, header included."""


class Node:
    """A place in the queue: an event, another frame (`event` None), or a gap (`frame` None)."""

    __slots__ = ("after", "before", "epoch", "event", "frame", "lower", "upper")

    def __init__(self, frame: bytes | None, event: Outgoing | None = None) -> None:
        self.frame = frame
        self.event = event
        self.before: Node = self
        self.after: Node = self
        self.epoch = ""
        self.lower = self.upper = 0


class Outbox:
    """`frame` wraps a text in a WebSocket frame. `size` never exceeds `limit`."""

    def __init__(self, frame: Callable[[bytes], bytes], *, limit: int = LIMIT) -> None:
        self._frame = frame
        self._limit = limit
        self._ends = Node(None)  # before it the last, after it the first
        self._gap_size = len(frame(_gap("0" * 32, 10**18, 10**18)))
        self._newest: dict[str, tuple[Node, Outgoing]] = {}
        self._superseded: OrderedDict[Node, Outgoing] = OrderedDict()
        self._droppable: OrderedDict[Node, Outgoing] = OrderedDict()
        self.size = 0

    def __bool__(self) -> bool:
        """Whether something waits."""
        return self._ends.after is not self._ends

    def add_frame(self, frame: bytes) -> bool:
        """Queue what is never dropped. False: overfull."""
        if not self._make_room(len(frame)):
            return False
        self._append(Node(frame))
        return True

    def add_event(self, event: Outgoing) -> bool:
        """Queue an event, or the gap it leaves. False: overfull."""
        node = Node(event.frame, event)
        if event.type == STATUS and event.device_id in self._newest:
            older, its_event = self._newest.pop(event.device_id)
            self._superseded[older] = its_event
        fits = self._make_room(len(event.frame))
        if fits:
            self._append(node)
            self._file(node, event)
        elif event.type != STATUS and event.type not in KEPT:
            self._append(node)
            self._drop(node, event)
        else:
            return False
        return self.size <= self._limit

    def withdraw(self, sees: Callable[[str], bool]) -> None:
        """Take out the events of devices that the reader may not see any more, without a trace: the
        offsets of others were holes to it all along."""
        node = self._ends.after
        while node is not self._ends:
            following, event = node.after, node.event
            if event is not None and not sees(event.device_id):
                self._forget(node, event)
                self._remove(node)
            node = following

    def take(self, budget: int) -> bytes:
        """The next frames, joined: at least one when something waits, `budget` bytes or a little
        more when there are as many."""
        frames: list[bytes] = []
        taken = 0
        while self and taken < budget:
            node = self._ends.after
            frame = self._bytes_of(node)
            self._remove(node)
            frames.append(frame)
            taken += len(frame)
        return b"".join(frames)

    def _file(self, node: Node, event: Outgoing) -> None:
        if event.type == STATUS:
            self._newest[event.device_id] = (node, event)
        elif event.type not in KEPT:
            self._droppable[node] = event

    def _make_room(self, needed: int) -> bool:
        while self.size + needed > self._limit:
            victims = self._superseded or self._droppable
            if not victims:
                return False
            self._drop(*victims.popitem(last=False))
        return True

    def _drop(self, node: Node, event: Outgoing) -> None:
        """Put a gap in the place of an event, and make one of it and the gaps beside it."""
        self._forget(node, event)
        self.size += self._gap_size - len(event.frame)
        node.frame = node.event = None
        node.epoch, node.lower, node.upper = event.epoch, event.offset - 1, event.offset
        for beside in (node.before, node.after):
            if self._is_gap(beside) and beside.epoch == node.epoch:
                node.lower = min(node.lower, beside.lower)
                node.upper = max(node.upper, beside.upper)
                self._unlink(beside)
                self.size -= self._gap_size

    def _is_gap(self, node: Node) -> bool:
        return node.frame is None and node is not self._ends

    def _bytes_of(self, node: Node) -> bytes:
        if node.frame is not None:
            return node.frame
        return self._frame(_gap(node.epoch, node.lower, node.upper))

    def _append(self, node: Node) -> None:
        last = self._ends.before
        node.before, node.after = last, self._ends
        last.after = self._ends.before = node
        self.size += len(node.frame or b"")

    def _remove(self, node: Node) -> None:
        self.size -= self._gap_size if node.frame is None else len(node.frame)
        self._unlink(node)
        if node.event is not None:
            self._forget(node, node.event)

    def _unlink(self, node: Node) -> None:
        node.before.after, node.after.before = node.after, node.before

    def _forget(self, node: Node, event: Outgoing) -> None:
        self._droppable.pop(node, None)
        self._superseded.pop(node, None)
        if self._newest.get(event.device_id) == (node, event):
            del self._newest[event.device_id]


def _gap(epoch: str, lower: int, upper: int) -> bytes:
    return codec.encode(Gap(epoch=epoch, after=lower, to=upper, reason="slow"))
