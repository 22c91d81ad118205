"""The clock of lives: it goes on while the machine sleeps, and nobody sets it."""

import time


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
