"""Which of two versions is older, as the hub and the agent both understand it.

Versions are compared by the numbers that they begin with (`1.10.2-rc1` by 1, 10, 2); what follows
is a name that says nothing of order. Numbers that are missing count as 0. A version that does not
begin with a number is neither older nor newer than another.
"""

import re
from itertools import zip_longest
from typing import Final

_NUMBERS: Final = re.compile(r"v?(\d{1,9}(?:\.\d{1,9})*)", re.ASCII)


def numbers_of(version: str) -> tuple[int, ...] | None:
    """The numbers that a version begins with."""
    found = _NUMBERS.match(version)
    return None if found is None else tuple(int(part) for part in found[1].split("."))


def is_downgrade(*, present: str, wanted: str) -> bool:
    """Whether `wanted` is surely older than `present`."""
    before, after = numbers_of(present), numbers_of(wanted)
    if before is None or after is None:
        return False
    for one, other in zip_longest(before, after, fillvalue=0):
        if one != other:
            return other < one
    return False
