"""What one device may do to everybody else by what it sends. Pure; seconds are monotonic.

A rate alone is not enough (`hub/lines/pace.py`): at a rate that hurts nobody a device fills a disk
in a month. So what is stored is summed up over a day. Keys that a device chooses are counted,
because a row stands for each: names of metrics, starts of the agent. And alerts, which no dashboard
may miss, are ten a second; the rest of a second is told as one alert of each code, with a count.

A quota is this replica's: a device that comes back on another begins anew there.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from protocol.telemetry import Alert

DAY_SECONDS: Final = 86_400.0
MOST_METRICS: Final = 256
"""Names of metrics in a day."""
MOST_BOOTS: Final = 1_000
"""Starts of the agent, with durable events, that are taken at once; and that are remembered."""
BOOT_SECONDS: Final = 60.0
"""After which one more may begin."""
ALERTS: Final = 10
"""Alerts of a second that are told one by one, and codes that the others are told by."""


class Quota:
    """`left`: bytes of the day. Whoever stores some takes them off, and asks `renewed` when it is
    below zero: so that an event costs a subtraction. `names` of metrics that may be kept."""

    __slots__ = ("_day_ends", "_most", "alerts", "boots", "left", "names", "told")

    def __init__(self, most_bytes: int, now: float) -> None:
        """`most_bytes` in a day; 0 = no limit."""
        self._most = most_bytes or sys.maxsize
        self.alerts = AlertPace()
        self.boots = BootPace(now)
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._day_ends = now + DAY_SECONDS
        self.left = self._most
        self.names: set[str] = set()
        self.told = False
        """Whether somebody was told today that the sum is reached."""

    def renewed(self, size: int, now: float) -> bool:
        """What was left is used up, with `size` bytes that were taken off last: whether a new day
        has begun, so that they fit. If not they are given back."""
        if now < self._day_ends:
            self.left += size
            return False
        self._begin(now)
        self.left -= size
        return True

    def known(self, metrics: dict[str, float], now: float) -> dict[str, float]:
        """The metrics whose names may be kept: the same object when all may."""
        names = self.names
        if names.issuperset(metrics):
            return metrics
        if len(names) + len(metrics) > MOST_METRICS and now >= self._day_ends:
            self._begin(now)
            names = self.names
        kept: dict[str, float] = {}
        for name, value in metrics.items():
            if name in names or len(names) < MOST_METRICS:
                names.add(name)
                kept[name] = value
        return metrics if len(kept) == len(metrics) else kept


class BootPace:
    """How often an agent may start anew: a token bucket.

    What is refused on a line stays refused there, although others may begin later: acknowledgements
    are cumulative, so a later event of the same start would acknowledge the refused ones. On a new
    line the device begins at the lowest that is not acknowledged.
    """

    __slots__ = ("_full_at", "_known", "_line", "_refused")

    def __init__(self, now: float) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._full_at = now
        self._line = 0
        self._refused: set[str] = set()

    def takes(self, boot_id: str, line: int, now: float) -> bool:
        """Whether durable events of this start of the agent may be kept. `line`: its generation."""
        if line > self._line:
            self._line = line
            self._refused.clear()
        if boot_id in self._refused:
            return False
        if boot_id in self._known:
            self._known.move_to_end(boot_id)
            return True
        return len(self._refused) < MOST_BOOTS and self._begins(boot_id, now)

    def _begins(self, boot_id: str, now: float) -> bool:
        full_at = max(self._full_at, now) + BOOT_SECONDS
        if full_at - now > MOST_BOOTS * BOOT_SECONDS:
            self._refused.add(boot_id)
            return False
        self._full_at = full_at
        self._known[boot_id] = None
        if len(self._known) > MOST_BOOTS:
            self._known.popitem(last=False)
        return True

    @property
    def refused(self) -> int:
        """Starts, on the newest line."""
        return len(self._refused)


class Summed(Struct):
    """The last of alerts that are told as one."""

    alert: Alert
    count: int
    stored: bool
    """Whether each of them is in the database by itself: they were durable."""


class AlertPace:
    __slots__ = ("_held", "_shown", "_until")

    def __init__(self) -> None:
        self._until = 0.0
        self._shown = 0
        self._held: dict[str, Summed] = {}

    def takes(self, alert: Alert, now: float, *, later: Callable[[], None]) -> bool:
        """Whether it is told by itself. If not it is summed up, and `later` is called when it is
        the first: `summed` is wanted in a second."""
        if now >= self._until:
            self._until = now + 1.0
            self._shown = 0
        if self._shown < ALERTS:
            self._shown += 1
            return True
        if not self._held:
            later()
        code = alert.code if alert.code in self._held or len(self._held) < ALERTS else ""
        key = code or next(reversed(self._held))
        before = self._held.pop(key, None)
        count, stored = (before.count, before.stored) if before else (0, True)
        self._held[alert.code] = Summed(alert, count + 1, stored and alert.seq is not None)
        return False

    def summed(self) -> list[Summed]:
        """What was held back since the last call."""
        held, self._held = self._held, {}
        return list(held.values())
