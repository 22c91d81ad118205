"""Passwords: argon2id at its defaults costs 0.17 s and 64 MiB, so two at a time, in threads.

Who waits for one is bounded: strangers who try names must not make everybody else wait for ever.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from hub.base.errors import Overloaded, invalid

AT_ONCE: Final = 2
MOST_WAITING: Final = 20
SHORTEST: Final = 10

_COMMON: Final = frozenset(
    files("hub.accounts").joinpath("common_passwords.txt").read_text("utf-8").split()
)
"""Of the 10,000 commonest those that are long enough."""


def require_strong(password: str, username: str, *, field: str = "password") -> None:
    """Raises `Invalid` for a password that is short, common, or the name."""
    if len(password) < SHORTEST:
        raise invalid(field, f"must have at least {SHORTEST} characters")
    if not password.strip():
        raise invalid(field, "must not be blank")
    if password.lower() in _COMMON:
        raise invalid(field, "is one of the most common passwords")
    if password.casefold() == username.casefold():
        raise invalid(field, "must not be the user name")


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """Raises `Overloaded`."""
        async with self._slot():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it fits; without a stored hash the same work is done for nothing, so that the
        time of an answer does not tell which names exist. Raises `Overloaded`."""
        async with self._slot():
            fits = await asyncio.to_thread(self._verify, password, stored or self._nobody)
        return fits and stored is not None

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many passwords are being checked", retry_after=2)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False
