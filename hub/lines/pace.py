"""How fast a device may speak. Pure; seconds are monotonic.

Speech is counted in windows of a second. One that is over the limit is forgiven, and so are four:
a burst after an outage is normal. From the fifth in a row on, telemetry without `seq` is shed and
durable events are slowed; when that has not helped after five more, the line is closed.
"""

from enum import Enum
from typing import Final

from msgspec import Struct

FORGIVEN: Final = 5
"""Windows in a row over the limit after which the device floods."""
PATIENCE: Final = 10
"""Windows in a row over the limit after which its line is closed."""
BURST: Final = 2000
"""Frames that are always taken within one window."""


class PaceVerdict(Enum):
    TAKE = "take"
    SHED = "shed"
    CLOSE = "close"


TAKE: Final = PaceVerdict.TAKE
"""Looked up once: every frame is compared with it."""


class Rates(Struct, frozen=True):
    """Per second; 0 = no limit."""

    frames: int
    bytes: int


class Pace:
    __slots__ = ("_bytes", "_frames", "_over", "_rates", "_until")

    def __init__(self, rates: Rates, now: float) -> None:
        self._rates = rates
        self._until = now + 1.0
        self._frames = 0
        self._bytes = 0
        self._over = 0

    def frame(self, size: int, now: float) -> PaceVerdict:
        """Count one frame of `size` bytes and say what becomes of it."""
        if now >= self._until:
            self._turn(now)
        self._frames += 1
        self._bytes += size
        if self._over < FORGIVEN:
            return TAKE
        return PaceVerdict.CLOSE if self._over >= PATIENCE else PaceVerdict.SHED

    def _turn(self, now: float) -> None:
        """Judge the window that has ended and begin the next."""
        frames, rate = self._rates.frames, self._rates.bytes
        too_many = 0 < frames < self._frames and (self._over > 0 or self._frames > BURST)
        too_much = 0 < rate < self._bytes
        quiet = now >= self._until + 1.0
        self._over = self._over + 1 if (too_many or too_much) and not quiet else 0
        self._until = now + 1.0
        self._frames = 0
        self._bytes = 0
