"""Whether two devices use one identity. Pure.

A line that opens while its device's former line is still open takes over. That happens to any
device whose network breaks: once. Two boxes with copies of one identity take over from each other
for ever: each is closed 4409, comes back half a minute later, and closes the other. The database
counts take-overs that follow each other within ten minutes (`register` in lines.sql).
"""

from typing import Final

TELLING: Final = 3
"""The take-over at which somebody is told."""
REMINDING: Final = 100
"""And again at each so many: about once an hour when they take turns every half minute."""

CODE: Final = "device_cloned"
MESSAGE: Final = (
    "{count} lines in a row took over from one that was still open: "
    "two devices use one identity, or its network breaks again and again"
)


def is_told(takeovers: int) -> bool:
    """Of a line that is the `takeovers`-th in a row to take over."""
    return takeovers == TELLING or (takeovers > 0 and takeovers % REMINDING == 0)
