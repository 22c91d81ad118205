"""Is the peer still there? Ping after ten seconds, give up after ten more without a byte (G13)."""

from enum import Enum, auto
from typing import Final

PING_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 10.0


class Sign(Enum):
    FINE = auto()
    PING = auto()
    """Send a ping now."""
    DEAD = auto()
    """Nothing came since the ping: abort the line."""


class Liveness:
    """All times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._last_ping = now
        self._waiting_since: float | None = None

    def heard(self) -> None:
        """Something came from the peer: a message or a pong."""
        self._waiting_since = None

    def tick(self, now: float) -> Sign:
        if self._waiting_since is not None and now - self._waiting_since >= SILENCE_SECONDS:
            return Sign.DEAD
        if now - self._last_ping < PING_SECONDS:
            return Sign.FINE
        self._last_ping = self._waiting_since = now
        return Sign.PING
