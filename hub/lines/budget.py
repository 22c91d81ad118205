"""How often a device may connect. Pure; seconds are monotonic.

A device that connects and leaves in a loop, or two that fight for one identity, would cost a
registration, two presence events and a look into the ledger each time. A token bucket for each
device takes bursts (a bad network, a debugging session) and slows what goes on for long.
"""

from collections import OrderedDict
from typing import Final

from protocol.ids import DeviceKey

BURST: Final = 300
PER_SECOND: Final = 0.5
MOST_DEVICES: Final = 50_000


class ConnectBudget:
    def __init__(self, *, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        self._burst = burst
        self._per_second = per_second
        self._full_at: OrderedDict[DeviceKey, float] = OrderedDict()
        """When each bucket is full again, the least recently used first; none = it is full."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, device: DeviceKey, now: float) -> float:
        """0.0 when the device may connect, else the seconds until it may."""
        full_at = max(self._full_at.pop(device, now), now)
        lacking = (full_at - now) * self._per_second
        wait = max(0.0, (lacking + 1 - self._burst) / self._per_second)
        self._full_at[device] = full_at if wait else full_at + 1 / self._per_second
        self._forget(now)
        return wait

    def _forget(self, now: float) -> None:
        """A few of the oldest that are full again, so that what is kept is what is in use."""
        for _ in range(2):
            device, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= MOST_DEVICES:
                return
            del self._full_at[device]
