"""Whether this process stood still. Pure; seconds are monotonic.

While a replica stands still its devices open newer lines elsewhere, and what their old sockets had
sent waits in the kernel. When it goes on, that is read before anything else, and looks like any
other frame of a line. A beat, twice a second, shows the stall: when the last one is too long ago,
nothing is taken from lines until the database has said which of them are still the newest.
"""

import math
from typing import Final

BEAT_SECONDS: Final = 0.5
STALL_SECONDS: Final = 3.0
"""Less than a lease: a device can have a newer line before anybody declares us dead."""


class Stall:
    __slots__ = ("_beat", "_stalled", "count", "takes_until")

    def __init__(self, now: float) -> None:
        self.count = 0
        self.over(now)

    def noticed(self, now: float) -> bool:
        """Whether it stood still and has not learnt yet what happened meanwhile."""
        if now - self._beat > STALL_SECONDS and not self._stalled:
            self._stalled = True
            self.takes_until = -math.inf
            self.count += 1
        return self._stalled

    def beat(self, now: float) -> None:
        if not self.noticed(now):
            self.over(now)
        self._beat = now

    def over(self, now: float) -> None:
        """Every line that is left was the newest of its device."""
        self._beat = now
        self._stalled = False
        self.takes_until = now + STALL_SECONDS
        """Until then nobody needs to ask whether it stood still."""
