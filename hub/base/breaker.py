"""A small circuit breaker: after some failures in a row, calls are refused for a while.

It makes a dead server cheap: a refused call costs a comparison instead of a deadline. When the
pause is over, one call is let through; it decides whether the pause ends or doubles.
"""

from typing import Final

FAILURES: Final = 3
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0


class Breaker:
    """Times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._closed_until = 0.0

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. After a pause True once, for the call that tries."""
        if self._failures < FAILURES:
            return True
        if now < self._closed_until:
            return False
        self._closed_until = now + self._pause
        return True

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for those that try."""
        return self._failures >= FAILURES

    def succeeded(self) -> None:
        self._failures = 0
        self._pause = FIRST_PAUSE

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._failures < FAILURES:
            return
        self._closed_until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
