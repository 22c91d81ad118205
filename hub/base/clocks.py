"""What a wall clock may not do alone. Pure.

A clock can be wrong for minutes or years, and be set while we run (promise G18). Deleting by age
waits until whoever sets the clock had time to mend it, and goes slowly; a step is noticed by the
monotonic clock, which nobody sets.
"""

from collections.abc import Callable
from typing import Final

START_SECONDS: Final = 600.0
"""So long after its start a replica deletes nothing by age: a wrong clock may be mended by then."""
TABLE_SECONDS: Final = 3600.0
"""Between two drops of partitions of one table."""
STEP_SECONDS: Final = 60.0
"""By how much the wall clock must leave the monotonic one to be called stepped."""


class Brake:
    """When this replica may delete what is old. Pure; seconds are monotonic."""

    def __init__(self, now: float) -> None:
        self._from = now + START_SECONDS
        self._next: dict[str, float] = {}

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


class DatabaseTime:
    """The database's clock as this process knows it: a monotonic clock (`clock`) and an offset.

    What is compared with moments that the database has written is taken from here, because the
    wall clocks of two machines differ.
    """

    def __init__(self, clock: Callable[[], float], wall: float) -> None:
        """`wall` counts until the first look: seconds since 1970."""
        self._clock = clock
        self._offset = wall - clock()

    def noted(self, moment: float) -> None:
        """The database says that it is `moment` now."""
        self._offset = moment - self._clock()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock() + self._offset
