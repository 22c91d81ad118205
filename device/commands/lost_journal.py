"""A journal of commands that was lost: what a person has signed is refused until every signature
that may have run before has ended.

The time is counted while the agent runs, and kept every few minutes: a clock that is set, or was
wrong, does not shorten it.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from device.base.database import Database, get_meta, set_meta
from device.base.errors import JournalUnavailable
from protocol.signing import LONGEST_SECONDS

KEEP_SECONDS: Final = 300.0
_LEFT: Final = "signed_refused_for"


def note_lost(connection: sqlite3.Connection) -> None:
    """In the transaction that makes the new journal."""
    set_meta(connection, _LEFT, str(LONGEST_SECONDS))


class LostJournal:
    """To be made after the journal."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self._clock = clock
        kept = database.now(lambda connection: get_meta(connection, _LEFT))
        self._until = None if kept is None else clock() + float(kept)

    def left(self) -> float:
        """For how many seconds signed commands are still refused."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    async def run(self) -> None:
        """Until the time is over."""
        while (left := self.left()) > 0:
            await asyncio.sleep(min(left, KEEP_SECONDS))
            await self.keep()

    async def keep(self) -> None:
        """What is left, for the next process. What cannot be kept is waited for again."""
        left = self.left()
        kept = str(left) if left > 0 else None
        with contextlib.suppress(JournalUnavailable):
            await self._database.write(partial(set_meta, name=_LEFT, value=kept))
