"""Where a dashboard that comes back goes on, and what has to be said about what it missed.

A position is a pair (epoch, offset). From `since` up to the position of the fan-out, `live`,
everything is replayed from the stream; from there on the fan-out itself delivers. Whatever is not
there any more becomes a gap, in its place in the order:

- another epoch: nothing is known of what came between            gap `epoch`, from null
- beyond the head: that offset was given out by a stream that is lost       the same
- trimmed: the first entry that is left does not follow `since`   gap `expired`, exact
"""

from msgspec import Struct

from protocol import codec
from protocol.dashboard import Gap, GapReason, Position
from protocol.stream import StreamEntry


class StreamGap(Struct, frozen=True):
    """Events with `lower` < offset ≤ `upper` may be missing; None where unknown."""

    epoch: str
    lower: int | None
    upper: int | None
    reason: GapReason

    def text(self) -> bytes:
        return codec.encode(
            Gap(epoch=self.epoch, after=self.lower, to=self.upper, reason=self.reason)
        )


def gap_before_live(since: Position, live: Position) -> StreamGap | None:
    """The gap when `since` is no place in the stream; None when it can be read from there."""
    if since.epoch == live.epoch and since.offset <= live.offset:
        return None
    return StreamGap(live.epoch, None, live.offset, "epoch")


def gap_before_entries(
    position: Position, entries: list[StreamEntry], live: Position
) -> StreamGap | None:
    """The gap between `position` and what the stream still has behind it, up to `live`."""
    behind = min(entries[0].first - 1, live.offset) if entries else live.offset
    if behind <= position.offset:
        return None
    return StreamGap(position.epoch, position.offset, behind, "expired")


def gap_of(entry: StreamEntry) -> StreamGap | None:
    """The gap that a marker in the stream stands for."""
    if entry.gap is None:
        return None
    return StreamGap(entry.epoch, entry.first - 1, entry.last, entry.gap)


def is_level(position: Position, live: Position) -> bool:
    """Whether a replay that stands at `position` has reached the fan-out."""
    return position.epoch == live.epoch and position.offset >= live.offset
