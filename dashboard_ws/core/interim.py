"""What a replica shows by itself while the stream is away, and how it is not shown twice. Pure.

The events of its own devices go on, in an *interim epoch* with offsets of its own: it lasts until
the stream is back, nobody can recover in it, and a gap stands at each of its ends. The same events
wait for the stream and come out of it later, for everybody else. They are known by their batch: the
stream's entry carries the replica and the number under which it was appended.

A batch may also be in the stream already, and only the answer was lost: if it came out of the
stream before, it is not shown.
"""

from collections.abc import Callable

from protocol.dashboard import Position
from protocol.ids import ReplicaId
from protocol.stream import EventBatch, StreamEntry


class Interim:
    """`draw` gives a name that no interim epoch had."""

    def __init__(self, replica_id: ReplicaId, draw: Callable[[], str]) -> None:
        self._replica_id = replica_id
        self._draw = draw
        self._position: Position | None = None
        self._shown: set[int] = set()
        self._entered = 0
        """The highest number of ours that came out of the stream."""

    @property
    def active(self) -> bool:
        return self._position is not None

    def show(self, batch: EventBatch) -> StreamEntry | None:
        """The batch as an entry of the interim epoch, which may begin with it; None when it came
        out of the stream before."""
        if batch.number <= self._entered or batch.number in self._shown:
            return None
        at = self._position or Position(epoch=f"~{self._draw()}", offset=0)
        entry = StreamEntry(
            epoch=at.epoch,
            first=at.offset + 1,
            last=at.offset + len(batch.events),
            at_ms=0,
            events=batch.events,
        )
        self._position = Position(epoch=at.epoch, offset=entry.last)
        self._shown.add(batch.number)
        return entry

    def was_shown(self, entry: StreamEntry) -> bool:
        """Whether this entry of the stream was shown here before. To be asked once about each."""
        if entry.writer != self._replica_id:
            return False
        self._entered = max(self._entered, entry.number)
        shown = entry.number in self._shown
        if self._shown:
            self._shown = {number for number in self._shown if number > self._entered}
        return shown

    def end(self) -> None:
        """The stream is back."""
        self._position = None
