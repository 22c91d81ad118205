"""Which lines wait because too many rows do (promise G21). Pure.

While it is `full` a line hands in nothing and is not read, so that TCP slows its device. When there
is room the lines go on one after another: what is left of a line that fills it again waits behind
all others, so nobody starves.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

FULL_ABOVE: Final = 25_000
"""Rows waiting for the database: a batch, which fills while another is stored. With half of it the
hub waits for the database; with twice as many it stores no faster."""
ROOM_BELOW: Final = FULL_ABOVE // 2


class Pressure:
    __slots__ = ("_waiting", "full")

    def __init__(self) -> None:
        self.full = False
        """Asked before each frame of each line."""
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        """Lines that wait."""
        return len(self._waiting)

    def wait(self, go_on: Callable[[], None]) -> None:
        """Call it when there is room and its turn has come."""
        self._waiting.append(go_on)

    def rows(self, count: int) -> None:
        """So many rows wait now."""
        if count >= FULL_ABOVE:
            self.full = True
        elif count < ROOM_BELOW:
            self.full = False

    def next(self) -> Callable[[], None] | None:
        """Who goes on now; None while it is full, or when nobody waits."""
        return self._waiting.popleft() if self._waiting and not self.full else None
