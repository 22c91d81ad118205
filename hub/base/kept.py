"""What became of an event that a device sent: said by telemetry, answered by the line. Pure."""

from enum import Enum
from typing import Final


class Kept(Enum):
    """What became of an event."""

    TAKEN = "taken"
    FULL = "not taken: the sum of the day is reached"
    SLOWED = "taken, and its device should send less"
    TOO_MANY_METRICS = "taken without the names beyond the bound"
    TOO_MANY_STARTS = "a durable one that is not taken on this line: its agent starts too often"
    REFUSED = "a durable one that cannot wait: its line is closed"


TAKEN: Final = Kept.TAKEN
"""Looked up once: every event is compared with it."""
