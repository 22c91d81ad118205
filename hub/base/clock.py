"""The database's time, without asking it each time.

Two machines' clocks never agree, so none of a replica's own decides when anything runs out: the
replica measures how far the database's clock is from its own monotonic one, and counts on from
there between two measurements. A step of the replica's wall clock changes nothing; a step of the
database's is followed at the next measurement.
"""

import time
from collections.abc import Callable


class DatabaseClock:
    """Call it: seconds since 1970 by the database. Until the first measurement it counts from the
    wall clock."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._offset = wall_clock() - monotonic()
        self._measured_at: float | None = None

    def __call__(self) -> float:
        return self._monotonic() + self._offset

    def measured(self, database_time: float, *, asked_at: float) -> None:
        """The database answered `database_time`; `asked_at`: our monotonic second before it did."""
        now = self._monotonic()
        self._offset = database_time - (asked_at + now) / 2
        self._measured_at = now

    @property
    def age(self) -> float:
        """Seconds since the last measurement; infinite before the first."""
        return float("inf") if self._measured_at is None else self._monotonic() - self._measured_at

    @property
    def wall_clock_error(self) -> float:
        """How many seconds this machine's wall clock is ahead of the database's."""
        return self._wall_clock() - self()
