"""Numbers and credit of what goes to another replica. Pure.

Each way has a window: so many bytes may be on their way that the other side has not given credit
for. What was published has a number, and numbers follow each other: pub/sub loses without a word,
and a hole must end the session, never garble it.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

WINDOW: Final = 256 * 1024
"""Bytes in flight, each way."""
MOST_IN_ONE: Final = 64 * 1024
"""Bytes of messages that are published together."""
CREDIT_STEP: Final = 64 * 1024
"""Credit is given in steps of this."""
OVERHEAD: Final = 16
"""Bytes that each message counts besides its own: many small ones fill a window, too."""


def weight(messages: Sequence[bytes]) -> int:
    return sum(map(len, messages)) + OVERHEAD * len(messages)


class SendWindow:
    """What waits for credit, and what is on its way."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._waiting: deque[bytes] = deque()
        self.waiting = 0
        """Weight of what waits."""
        self._sent = 0
        self._credited = 0
        self.number = 0
        """Of what was taken last."""

    def put(self, message: bytes) -> None:
        self._waiting.append(message)
        self.waiting += len(message) + OVERHEAD

    def take(self) -> list[bytes]:
        """The messages that go out together now; none when there is nothing, or no credit."""
        taken: list[bytes] = []
        room = min(MOST_IN_ONE, self._window - self.in_flight)
        while self._waiting and len(self._waiting[0]) + OVERHEAD <= room:
            message = self._waiting.popleft()
            taken.append(message)
            room -= len(message) + OVERHEAD
        if taken:
            size = weight(taken)
            self.waiting -= size
            self._sent += size
            self.number += 1
        return taken

    def credit(self, total: int) -> None:
        """The other side has passed on so much in all; an old word changes nothing."""
        self._credited = min(self._sent, max(self._credited, total))

    @property
    def in_flight(self) -> int:
        return self._sent - self._credited

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)


class ReceiveWindow:
    """What came, and how much of it the sender was told to be passed on."""

    def __init__(self) -> None:
        self._number = 0
        self._received = 0
        self._told = 0

    def takes(self, number: int, messages: Sequence[bytes]) -> bool:
        """False where something is missing before it."""
        if number != self._number + 1:
            return False
        self._number = number
        self._received += weight(messages)
        return True

    def credit(self) -> int | None:
        """What to tell the sender: the total, when it is worth a word."""
        due = self._received - self._told
        if due >= CREDIT_STEP:
            self._told = self._received
            return self._received
        return None
