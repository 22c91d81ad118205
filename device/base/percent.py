"""How far a program says it is: lines `percent N` of its standard output. Pure."""

import re
from collections.abc import Callable
from typing import Final

_LINE: Final = re.compile(rb"percent[ \t]+(\d{1,3}(?:\.\d{1,6})?)[ \t]*\r?")
MOST_LINE: Final = 64
"""Bytes of such a line; of a longer one the rest is not looked at."""
HUNDRED: Final = 100.0
AT_ONCE: Final = 10.0
A_SECOND: Final = 5.0
"""Reports: however fast a program counts, its device's line is for others too."""


def percent_of(line: bytes) -> float | None:
    """N of `percent N`, from 0 to 100; None for any other line."""
    found = _LINE.fullmatch(line)
    number = float(found[1]) if found else None
    return number if number is not None and number <= HUNDRED else None


class PercentLines:
    """Takes what a program writes, in pieces of any size; calls `report` with each new N, but for
    those that come too fast. `clock` gives monotonic seconds."""

    def __init__(self, report: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock
        self._begun = b""
        self._last: float | None = None
        self._may = AT_ONCE
        self._at = clock()

    def take(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun = (self._begun + first)[: MOST_LINE + 1]
        for line in others:
            self._say(percent_of(self._begun))
            self._begun = line[: MOST_LINE + 1]

    def _say(self, percent: float | None) -> None:
        if percent is None or percent == self._last or not self._is_time():
            return
        self._last = percent
        self._report(percent)

    def _is_time(self) -> bool:
        now = self._clock()
        self._may = min(AT_ONCE, self._may + (now - self._at) * A_SECOND)
        self._at = now
        if self._may < 1:
            return False
        self._may -= 1
        return True


def without_percents(written: bytes) -> bytes:
    """What a program wrote beside those lines."""
    return b"\n".join(line for line in written.split(b"\n") if percent_of(line) is None)
