"""What a wall clock may not do alone, and the time that counts instead. Pure.

A clock can be wrong for minutes or years, and be set while we run (promise G18). Deleting by age
waits until whoever sets the clock had time to mend it, and goes slowly; a step is noticed by the
monotonic clock, which nobody sets.
"""

import time
from collections.abc import Callable
from typing import Final

HOLD_SECONDS: Final = 600.0
"""So long after its start, and after a step of a clock, a replica deletes nothing by age: a wrong
clock may be mended by then."""
TABLE_SECONDS: Final = 3600.0
"""Between two drops of partitions of one table."""
STEP_SECONDS: Final = 60.0
"""By how much the wall clock must leave the monotonic one to be called stepped."""


class Brake:
    """When this replica may delete what is old. Pure; seconds are monotonic."""

    def __init__(self, now: float) -> None:
        self._next: dict[str, float] = {}
        self.hold(now)

    def hold(self, now: float) -> None:
        """A clock may be wrong from now on."""
        self._from = now + HOLD_SECONDS

    def may_delete(self, now: float) -> bool:
        """Rows by their age."""
        return now >= self._from

    def may_drop(self, table: str, now: float) -> bool:
        """A partition of this table."""
        return now >= max(self._from, self._next.get(table, now))

    def dropped(self, table: str, now: float) -> None:
        self._next[table] = now + TABLE_SECONDS


class WallClock:
    """Whether the wall clock has been set since the last look. Pure."""

    def __init__(self, wall: float, monotonic: float) -> None:
        self._offset = wall - monotonic

    def stepped(self, wall: float, monotonic: float) -> bool:
        """It stays stepped until it is `noted`."""
        return abs(wall - monotonic - self._offset) > STEP_SECONDS

    def noted(self, wall: float, monotonic: float) -> None:
        self._offset = wall - monotonic


class DatabaseClock:
    """The database's time, without asking it each time. Call it: seconds since 1970.

    Two machines' clocks never agree, so none of a replica's own decides when anything runs out: the
    replica measures how far the database's clock is from its own monotonic one, and counts on from
    there between two measurements. A step of the replica's wall clock changes nothing; a step of
    the database's is followed at the next measurement. Until the first it counts from the wall
    clock."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
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
