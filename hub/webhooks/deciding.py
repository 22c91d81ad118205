"""What the answer to a delivery means, and when it is tried again. Pure."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final, NamedTuple

from msgspec import Struct

SECONDS: Final = 10.0
"""How long an answer may take."""
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 3600.0
JITTER: Final = 0.2
SHORTEST_WISH: Final = 1.0
"""An address that wishes to be asked again at once is not asked without a pause."""
GIVEN_UP_SECONDS: Final = 3 * 86_400.0
"""So long without a success, and it is disabled; so long an event is kept."""
FORMER_SECONDS: Final = 86_400.0
"""How long the former secret signs beside the new one."""


class AttemptOutcome(Struct, frozen=True, kw_only=True):
    """`status` is None when there was no answer; `error` says why, or None when it was taken."""

    status: int | None = None
    error: str | None = None
    ms: int
    answer: str | None = None
    retry_after: float | None = None


class DeliveryVerdict(Enum):
    TAKEN = "taken"
    AGAIN = "again"
    GONE = "gone"
    """Nobody wants it there any more."""


def verdict_of(outcome: AttemptOutcome) -> DeliveryVerdict:
    if outcome.status is None:
        return DeliveryVerdict.AGAIN
    if 200 <= outcome.status < 300:
        return DeliveryVerdict.TAKEN
    return DeliveryVerdict.GONE if outcome.status == 410 else DeliveryVerdict.AGAIN


def pause_after(failures: int, wish: float | None, draw: float) -> float:
    """Seconds from the answer to the next attempt, after so many failures in a row. `wish`: what
    `Retry-After` says; `draw` from [0, 1)."""
    if wish is not None:
        return min(max(wish, SHORTEST_WISH), LONGEST_PAUSE)
    pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)
    return pause * (1.0 - JITTER + 2.0 * JITTER * draw)


def wish_of(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3) in seconds. A moment is counted from the `Date` of the same
    answer: no two clocks are compared."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:9])
    try:
        seconds = parsedate_to_datetime(given) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(seconds.total_seconds(), 0.0)


def is_given_up(failing_seconds: float) -> bool:
    return failing_seconds >= GIVEN_UP_SECONDS


class QueueStanding(NamedTuple):
    """How much waits for a webhook; or how much may."""

    items: int
    bytes: int
    seconds: float
    """Since the oldest was written."""


BOUNDS: Final = QueueStanding(100_000, 100 * 2**20, GIVEN_UP_SECONDS)
"""Of a webhook."""
WITHOUT_AGE: Final = BOUNDS._replace(seconds=1e9)
"""While a clock may be wrong: what is too old by it may be not (promise G18)."""


def is_beyond(standing: QueueStanding, most: QueueStanding) -> bool:
    """Whether more waits than is kept."""
    return any(has > may for has, may in zip(standing, most, strict=True))
