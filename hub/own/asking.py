"""Whom to ask what a description is: one device of all that name its hash, another when that one
does not answer. Pure."""

from collections import deque
from typing import Final, Generic, TypeVar

from protocol.ids import OrgId

DescriptionKey = tuple[OrgId, str]
"""An organisation, and the hash that its devices name."""

ANSWER_SECONDS: Final = 5.0
MOST_SPARE: Final = 16
"""Lines of one description that wait to be asked in turn."""
MOST_ASKED: Final = 10_000
"""Descriptions that are waited for; of more, devices are asked when they come again."""


L = TypeVar("L")
"""What names a line."""


class _Asked(Generic[L]):
    def __init__(self, since: float) -> None:
        self.since = since
        self.spare: deque[L] = deque()


class Asking(Generic[L]):
    """`now` is monotonic seconds."""

    def __init__(self) -> None:
        self._asked: dict[DescriptionKey, _Asked[L]] = {}

    def asks(self, key: DescriptionKey, line: L, now: float) -> bool:
        """Whether to ask on this line, because no other is asked already."""
        asked = self._asked.get(key)
        if asked is not None:
            if len(asked.spare) < MOST_SPARE and line not in asked.spare:
                asked.spare.append(line)
            return False
        if len(self._asked) >= MOST_ASKED:
            return False
        self._asked[key] = _Asked(now)
        return True

    def answered(self, key: DescriptionKey) -> None:
        self._asked.pop(key, None)

    def overdue(self, now: float) -> list[tuple[DescriptionKey, L]]:
        """The next to be asked; where nobody is left, whoever comes next is."""
        asks: list[tuple[DescriptionKey, L]] = []
        for key, asked in list(self._asked.items()):
            if now - asked.since < ANSWER_SECONDS:
                continue
            if asked.spare:
                asked.since = now
                asks.append((key, asked.spare.popleft()))
            else:
                del self._asked[key]
        return asks
