"""When to open the next line: full jitter, and whatever the hub wishes if that is longer.

The wait before attempt n is drawn evenly from 0 to min(30, 2^n) seconds, so that a fleet that lost
its hub does not come back as one wave. The exponent starts again after a line that stood for a
minute; a line that opens and closes at once counts as a failure. The close code decides the rest
through `protocol.closing`: a minimum wait, a new token first, or not to come back. A device that
is not wanted asks once an hour nevertheless: it may be registered again, and nobody is beside it.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from protocol.closing import closing

FIRST_SECONDS: Final = 1.0
CAP_SECONDS: Final = 30.0
STABLE_SECONDS: Final = 60.0
TURNED_AWAY_SECONDS: Final = 3600.0
TURNED_AWAY_SPREAD: Final = 0.1
"""Later by up to this share, so that devices that were turned away together do not ask together."""


class NextAttempt(Struct, frozen=True):
    """What to do after a line ended, or did not come up."""

    wait_seconds: float
    new_token: bool = False
    come_back: bool = True
    """False: the hub does not want this device; `wait_seconds` is when to ask again."""


class ReconnectPolicy:
    def __init__(self, draw: Callable[[], float]) -> None:
        """`draw` gives a float evenly from [0, 1)."""
        self._draw = draw
        self._failures = 0
        self._opened: float | None = None
        self._wish = 0.0

    def opened(self, now: float) -> None:
        """The hub welcomed this line at `now` (monotonic)."""
        self._opened = now
        self._wish = 0.0

    def wished(self, after_seconds: float) -> None:
        """The hub asked for this pause after the present line."""
        self._wish = max(self._wish, after_seconds)

    def refused(self, now: float, *, wish: float = 0.0, new_token: bool = False) -> NextAttempt:
        """The attempt failed before a line stood; `wish` is a Retry-After in seconds."""
        self.wished(wish)
        return NextAttempt(self._wait(now), new_token=new_token)

    def ended(self, now: float, code: int) -> NextAttempt:
        """The line was closed with `code` (1006 when the connection just broke)."""
        row = closing(code)
        wish = row.wait_seconds
        if not row.come_back:
            wish = TURNED_AWAY_SECONDS * (1 + TURNED_AWAY_SPREAD * self._draw())
        self.wished(wish)
        return NextAttempt(self._wait(now), new_token=row.new_token, come_back=row.come_back)

    def _wait(self, now: float) -> float:
        if self._opened is not None and now - self._opened >= STABLE_SECONDS:
            self._failures = 0
        ceiling = min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures, 10))
        wait = max(self._draw() * ceiling, self._wish)
        self._failures += 1
        self._opened, self._wish = None, 0.0
        return wait
