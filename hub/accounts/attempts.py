"""How many may try a password of one name at once. Pure but for waiting.

An attempt is reserved in the database before its password is looked at, so that attempts in
parallel cannot pass the limit together. Reserved ones count as failures until they are decided; so
that a crowd with the right password is not taken for failures, no more than the limit are under way
for one name and address on a replica, and the others wait for them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from hub.base.errors import TooManyRequests

BY_NAME: Final = 10
"""Failures a minute of a name: of all strangers together, and of each address that the user has
signed in from before."""
BY_ADDRESS: Final = 50
MOST_WAITING: Final = 100

TOO_MANY: Final = "too many failed attempts to sign in, wait a minute"


class Attempts:
    """Those that are under way on this replica."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, str], _Gate] = {}

    @asynccontextmanager
    async def one(self, name: str, address: str) -> AsyncGenerator[None]:
        """Raises `TooManyRequests` when too many wait already."""
        key = (name.lower(), address)
        gate = self._gates.setdefault(key, _Gate())
        if gate.users >= BY_NAME + MOST_WAITING:
            raise TooManyRequests(TOO_MANY, retry_after=60)
        gate.users += 1
        try:
            async with gate.permits:
                yield
        finally:
            gate.users -= 1
            if gate.users == 0:
                del self._gates[key]


class _Gate:
    def __init__(self) -> None:
        self.permits = asyncio.Semaphore(BY_NAME)
        self.users = 0
