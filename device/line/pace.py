"""A token bucket, so that the device stays below the hub's flood limits by itself.

The hub sheds or slows a device that sends over 1,000 frames or 4 MiB a second. Bulk (log lines that
were asked for, the outbox after a night offline) is paced below that; replies are not.
"""

from typing import Final

FRAMES_A_SECOND: Final = 700.0
BYTES_A_SECOND: Final = 2.0 * 1024 * 1024
BURST_SECONDS: Final = 1.0


class Pace:
    """Frames and bytes share one budget in seconds of sending time."""

    def __init__(self, now: float) -> None:
        self._free_at = now - BURST_SECONDS

    def wait(self, size: int, now: float) -> float:
        """Seconds to wait before a frame of `size` bytes may go; it counts as sent then."""
        cost = max(1.0 / FRAMES_A_SECOND, size / BYTES_A_SECOND)
        self._free_at = max(self._free_at, now - BURST_SECONDS) + cost
        return max(0.0, self._free_at - now)
