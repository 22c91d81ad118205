"""When to renew the device's token: at two thirds of its life, as the hub measures it."""

from datetime import datetime
from typing import Final

RENEW_AT: Final = 2 / 3
SHORTEST_SECONDS: Final = 1.0
"""Between two renewals, however short the life of a token."""


def renew_after(*, issued: datetime, expires: datetime) -> float:
    """Seconds from receipt to renewal. `issued` is the `Date` of the answer that brought the token:
    both are the hub's clock, so the device's own may be wrong."""
    return max(SHORTEST_SECONDS, (expires - issued).total_seconds() * RENEW_AT)


def remaining(*, received: datetime, renew_after_seconds: float, now: datetime) -> float:
    """Seconds left of `renew_after_seconds` for a token found on disk after a start. A clock that
    went backwards meanwhile cannot make it longer."""
    elapsed = max(0.0, (now - received).total_seconds())
    return max(SHORTEST_SECONDS, renew_after_seconds - elapsed)
