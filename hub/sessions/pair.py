"""The two ends of one connection, as this replica has them, and what goes between. Pure.

An end is a socket here, or the replica that holds it. What comes for an end that is not there yet
is kept within a bound; where an end is slow, nothing more is read of the other.
"""

from collections.abc import Callable
from typing import Final, Protocol

from hub.sessions.channels import Which, is_relayed, other
from hub.sessions.ending import CODES, EndReason, reason_of
from protocol.sessions import status_in

MOST_KEPT: Final = 64 * 1024
"""Bytes for an end that has not come yet."""
HIGH: Final = 96 * 1024
"""Bytes that wait for an end, above which nothing more is read of the other: what was read already
still comes, and stays below 256 KiB."""


class PairEnd(Protocol):
    """Where messages go to and come from."""

    is_here: bool
    """Whether it is a socket of this replica."""

    def send(self, message: bytes) -> None: ...
    def backlog(self) -> int:
        """Bytes that wait here for it."""
        ...

    def hold(self) -> None:
        """Read no more of it."""
        ...

    def release(self) -> None: ...
    def finish(self, reason: EndReason) -> None:
        """Nothing more comes: close it with the code of the reason, behind what was sent where the
        reason says so."""
        ...


class Pair:
    """`watch` sees each message that goes through, with whose it is. `ended` is told once, when
    nothing more goes through."""

    def __init__(
        self,
        *,
        watch: Callable[[Which, bytes], None],
        ended: Callable[[EndReason], None],
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        """`full`: what the device has shown waits to be recorded; `drained` of the person says when
        it may be no more."""
        self._watch = watch
        self._tell_ended = ended
        self._is_full = full
        self._ends: dict[Which, PairEnd] = {}
        self._kept: dict[Which, list[bytes]] = {"person": [], "device": []}
        """Messages for this side."""
        self._size: dict[Which, int] = {"person": 0, "device": 0}
        self._held: set[Which] = set()
        self._last: EndReason | None = None
        """The device has ended; its person has not come yet."""
        self.ended: EndReason | None = None

    def end_of(self, which: Which) -> PairEnd | None:
        return self._ends.get(which)

    def ends_here(self) -> list[Which]:
        return [which for which, end in self._ends.items() if end.is_here]

    @property
    def is_joined(self) -> bool:
        """Whether both ends are there."""
        return len(self._ends) == 2

    def join(self, which: Which, end: PairEnd) -> None:
        """It is there from now on; what was kept for it goes out."""
        self._ends[which] = end
        kept, self._kept[which] = self._kept[which], []
        self._size[which] = 0
        for message in kept:
            end.send(message)
        if self._last is not None and which == "person":
            self.end(self._last)
        else:
            self.drained(which)

    def received(self, which: Which, message: bytes) -> None:
        """A message of this side."""
        if self.ended is not None or self._last is not None or not is_relayed(which, message):
            return
        self._watch(which, message)
        target = other(which)
        end = self._ends.get(target)
        if end is None:
            self._kept[target].append(message)
            self._size[target] += len(message)
            self._hold_if(which, self._size[target] > MOST_KEPT)
        else:
            end.send(message)
            self._hold_if(which, end.backlog() > HIGH or (which == "device" and self._is_full()))
        status = status_in(message) if which == "device" else None
        if status is not None:
            self.left("device", reason_of(status.reason))

    def _hold_if(self, which: Which, full: bool) -> None:
        if full and which not in self._held and which in self._ends:
            self._held.add(which)
            self._ends[which].hold()

    def drained(self, which: Which) -> None:
        """This end takes more."""
        source = other(which)
        if which not in self._ends:
            return
        if self._ends[which].backlog() > HIGH or (source == "device" and self._is_full()):
            return
        if source in self._held:
            self._held.discard(source)
            self._ends[source].release()

    def left(self, which: Which, reason: EndReason) -> None:
        """This side is gone, or has said its last word. What a device has said waits for its
        person."""
        if self.ended is not None:
            return
        if which == "device" and self._kept["person"] and CODES[reason].after_data:
            self._last = reason
            self._ends["device"].finish(reason)
            return
        self.end(reason)

    def end(self, reason: EndReason) -> None:
        """Once."""
        if self.ended is not None:
            return
        self.ended = reason
        for which in ("person", "device"):
            self._kept[which] = []
            if which in self._ends:
                self._ends[which].finish(reason)
        self._tell_ended(reason)
