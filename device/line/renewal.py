"""When to renew the device's token: when less than a third of its life is left by the hub's clock.

The device's own clock takes no part: a box without one starts each time in 1970, and may never run
for long. Where the hub has not yet said what time it is, nothing is due: the hub itself refuses a
token that is over, and a line that opens says the time.
"""

from datetime import datetime
from typing import Final

RENEW_AT: Final = 1 / 3
"""Of the life of a token that is left."""
SHORTEST_SECONDS: Final = 1.0
"""Between two renewals, however short the life of a token."""


def due_in(*, expires: datetime, life_seconds: float, hub_now: float | None) -> float | None:
    """Seconds until the token is to be renewed, 0 = now, None = nobody knows. `hub_now` in seconds
    since the epoch."""
    if hub_now is None:
        return None
    return max(0.0, expires.timestamp() - hub_now - life_seconds * RENEW_AT)
