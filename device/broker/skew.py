"""What time it is by an issuer, and whether this machine's clock is far from it. Pure.

Nothing but an assertion, which the issuer reads, is made by either; lives are counted
(`device.broker.lifetime`).
"""

from typing import Final

MOST_SKEW: Final = 300.0
AGAIN_SECONDS: Final = 3600.0


class IssuerClock:
    """`now` is `CLOCK_BOOTTIME`."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._told: float | None = None

    def heard(self, moment: float, now: float) -> None:
        """The issuer said that it is `moment` (seconds since the epoch)."""
        self._offset = moment - now

    def time(self, now: float) -> float | None:
        """None while it has not said."""
        return None if self._offset is None else now + self._offset

    def alarm(self, wall: float, now: float) -> str | None:
        """What is to be told of this machine's clock, at most once an hour."""
        issuer = self.time(now)
        if issuer is None or abs(wall - issuer) <= MOST_SKEW:
            return None
        if self._told is not None and now - self._told < AGAIN_SECONDS:
            return None
        self._told = now
        where = "ahead of" if wall > issuer else "behind"
        return f"the clock is {abs(wall - issuer):.0f} s {where} the issuer's"
