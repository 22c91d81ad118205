"""When a replica renews its own lease, and when it may look for others that have died. Pure.

A lease is one row a replica: renewed every 3 s for 9 s, by the database's clock. When a renewal
comes late, because this process or the database stood still, the leases of all others may have run
out in the same moment, and nobody has died. So after a stall a replica renews first, and is patient
for one whole lease before it declares anybody dead. A replica that has just started is patient too:
it may have waited for the same database.

Seconds are monotonic.
"""

from enum import Enum
from typing import Final

LEASE_SECONDS: Final = 9.0
RENEW_SECONDS: Final = 3.0


class Duty(Enum):
    RENEW = "renew our own lease"
    LOOK = "look for leases that have ended"
    REST = "declare nobody dead now"


class Lease:
    def __init__(self, now: float) -> None:
        self._renewed = now
        self._patient_until = now + LEASE_SECONDS

    def duty(self, now: float) -> Duty:
        if now - self._renewed >= RENEW_SECONDS:
            return Duty.RENEW
        return Duty.REST if now < self._patient_until else Duty.LOOK

    def age(self, now: float) -> float:
        """Seconds since the last renewal."""
        return now - self._renewed

    def renewed(self, now: float, *, declared_dead: bool = False) -> None:
        """`declared_dead`: another replica had ended this one before."""
        if declared_dead or self.age(now) > LEASE_SECONDS:
            self._patient_until = now + LEASE_SECONDS
        self._renewed = now
