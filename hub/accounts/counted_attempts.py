"""Attempts to show who one is, counted before anything is looked at.

An attempt counts as a failure until it is forgotten, which a good one is.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hub.accounts.attempts import BY_ADDRESS, BY_NAME, TOO_MANY
from hub.accounts.session_store import SessionStore
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.errors import Overloaded, TooManyRequests, Unauthenticated, Unavailable
from hub.base.principal import Principal


class CountedAttempts:
    def __init__(self, store: SessionStore, audit: AuditService) -> None:
        self._store = store
        self._audit = audit

    async def reserve(self, name: str, who: Principal, action: str, target: str) -> int:
        """The attempt, counted until it is forgotten. Raises `TooManyRequests`."""
        attempt = await self._store.reserve_attempt(
            name, block_of(who.address or ""), by_name=BY_NAME, by_address=BY_ADDRESS
        )
        if attempt is None:
            await self._audit.note(audit_entry(who, action, target, outcome="refused"))
            raise TooManyRequests(TOO_MANY, retry_after=60)
        return attempt

    @asynccontextmanager
    async def one(self, name: str, who: Principal, action: str, target: str) -> AsyncGenerator[int]:
        """The attempt that a code or a directory's password is, counted until it is forgotten; its
        failure has a row in the audit. Raises `TooManyRequests`."""
        attempt = await self.reserve(name, who, action, target)
        try:
            yield attempt
        except Unauthenticated:
            await self._audit.note(audit_entry(who, action, target, outcome="failed"))
            raise
        except (Unavailable, Overloaded):
            await self.forget(attempt)
            raise

    async def forget(self, attempt: int) -> None:
        """It was a good one, or nobody looked at it."""
        async with self._store.database.connection() as connection:
            await self._store.forget_attempt(connection, attempt)
