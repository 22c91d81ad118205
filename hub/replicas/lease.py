"""When a replica renews its own lease, and which others have died. Pure.

A lease is one row a replica, renewed every 3 s for 9 s. What stands in the row is a moment of the
database's clock, and any clock may be set: a moment in the past then says nothing, one in the
future promises nothing. So nobody compares it with a clock. A replica watches the rows of the
others, and one that has not changed for a whole lease, by the watcher's own monotonic clock, is of
a replica that is dead.

When a renewal comes late, because this process or the database stood still, the others may not
have been able to renew either. After a stall all that was seen before counts for nothing, and
watching begins anew.

Seconds are monotonic.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from protocol.ids import ReplicaId

LEASE_SECONDS: Final = 9.0
RENEW_SECONDS: Final = 3.0


class Held(Struct, frozen=True):
    """The lease of a replica as it stands in its row."""

    replica_id: ReplicaId
    until: datetime


class Lease:
    def __init__(self, now: float) -> None:
        self._renewed = now
        self._seen: dict[Held, float] = {}
        """Since when each lease of the others has stood there."""

    def is_due(self, now: float) -> bool:
        """Whether our own is to be renewed."""
        return now - self._renewed >= RENEW_SECONDS

    def age(self, now: float) -> float:
        """Seconds since the last renewal."""
        return now - self._renewed

    def renewed(self, now: float, *, declared_dead: bool = False) -> None:
        """`declared_dead`: another replica had ended this one before."""
        if declared_dead or self.age(now) > LEASE_SECONDS:
            self._seen.clear()
        self._renewed = now

    def dead(self, others: Iterable[Held], now: float) -> list[Held]:
        """Those of the others, as they stand now, that were not renewed for a whole lease."""
        self._seen = {held: self._seen.get(held, now) for held in others}
        return [held for held, since in self._seen.items() if now - since >= LEASE_SECONDS]
