"""When what failed is tried again, and what restarts too often. Pure."""

from collections import deque
from typing import Final

from device.workloads.claims import ServiceKey

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
OFTEN: Final = 5
WINDOW_SECONDS: Final = 600.0


class BackOff:
    """1 s, doubled up to 5 min, for each service by itself."""

    def __init__(self) -> None:
        self._failed: dict[ServiceKey, int] = {}
        self._until: dict[ServiceKey, float] = {}

    def failed(self, key: ServiceKey, now: float) -> float:
        """Seconds until the next try."""
        times = self._failed.get(key, 0)
        self._failed[key] = times + 1
        wait = min(FIRST_SECONDS * 2 ** min(times, 16), LONGEST_SECONDS)
        self._until[key] = now + wait
        return wait

    def worked(self, key: ServiceKey) -> None:
        self._failed.pop(key, None)
        self._until.pop(key, None)

    def clear(self) -> None:
        """Something else is wanted: everything may be tried at once."""
        self._failed.clear()
        self._until.clear()

    def resting(self, now: float) -> frozenset[ServiceKey]:
        return frozenset(key for key, until in self._until.items() if until > now)

    def next_try(self, now: float) -> float | None:
        """Seconds until the first of those that rest."""
        left = [until - now for until in self._until.values() if until > now]
        return min(left, default=None)


class RestartWatch:
    """Which containers have restarted five times within ten minutes."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._times: dict[str, deque[float]] = {}

    def note(self, restarts: dict[str, int], now: float) -> None:
        """How often each container that is there has restarted."""
        for gone in self._counts.keys() - restarts.keys():
            del self._counts[gone]
            self._times.pop(gone, None)
        for container, count in restarts.items():
            more = count - self._counts.get(container, count)
            self._counts[container] = count
            if more > 0:
                times = self._times.setdefault(container, deque(maxlen=OFTEN))
                times.extend([now] * min(more, OFTEN))

    def often(self, now: float) -> frozenset[str]:
        return frozenset(
            container
            for container, times in self._times.items()
            if len(times) == OFTEN and times[0] > now - WINDOW_SECONDS
        )
