"""How much of each turn of the loop newcomers may take. Pure but for the `soon` it is given.

When all devices come back at once, the loop would do nothing else for seconds: each handshake costs
half a millisecond, and a thousand are ready in one turn. So in one turn only as many are let in as
fit a budget of time; the others wait for the next turns, in order, and accepted work is done in
between. A lonely newcomer waits for nothing. When too many wait, the next is told to come later.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

BUDGET: Final = 0.005
"""Seconds of one turn of the loop."""
BOUND: Final = 5_000
"""Newcomers that wait; at 1,500 a second the last is let in before its patience ends."""


class Turnstile:
    """`clock` gives monotonic seconds, `soon` calls a function in the next turn of the loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
        budget: float = BUDGET,
        bound: int = BOUND,
    ) -> None:
        self._clock = clock
        self._soon = soon
        self._budget = budget
        self._bound = bound
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent = 0.0
        self._turning = False

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self) -> bool:
        """Whether a newcomer is let in without waiting."""
        return not self._waiting and self._spent < self._budget

    def run(self, work: Callable[[], T]) -> T:
        """Do the work of one who is let in."""
        began = self._clock()
        try:
            return work()
        finally:
            self._spent += self._clock() - began
            self._ask_for_turn()

    def queue(self, work: Callable[[], None]) -> bool:
        """Do it when its turn comes; False: too many wait. It must not raise."""
        if len(self._waiting) >= self._bound:
            return False
        self._waiting.append(work)
        self._ask_for_turn()
        return True

    def _ask_for_turn(self) -> None:
        if not self._turning:
            self._turning = True
            self._soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._spent = 0.0
        while self._waiting and self._spent < self._budget:
            self.run(self._waiting.popleft())
