"""Whose password it is, for whoever shows one."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct, structs

from hub.accounts.attempts import Attempts
from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.names import username_of
from hub.accounts.passwords import Passwords
from hub.accounts.store import AccountStore, UserRow
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.errors import Forbidden, Invalid, Overloaded, Unauthenticated
from hub.base.principal import Principal
from protocol.ids import OrgId

BAD_LOGIN: Final = "the user name or the password is wrong"


class Checked(Struct, frozen=True):
    """Somebody who has shown the password, at an attempt that is still counted."""

    user: UserRow
    password_hash: str
    attempt: int


class PasswordCheck:
    def __init__(
        self,
        store: AccountStore,
        counted: CountedAttempts,
        passwords: Passwords,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._counted = counted
        self._passwords = passwords
        self._audit = audit
        self._attempts = Attempts()

    @asynccontextmanager
    async def of(
        self, username: str, password: str, who: Principal, org: OrgId | None
    ) -> AsyncGenerator[Checked]:
        """The user whose password it is; while it lasts, one of the few attempts of a name that may
        be under way at once. Raises `Unauthenticated`, `TooManyRequests`, `Overloaded`."""
        name = _comparable(username)
        async with self._attempts.one(name, block_of(who.address or "")):
            yield await self._checked(name, password, who, org)

    async def _checked(
        self, name: str, password: str, who: Principal, org: OrgId | None
    ) -> Checked:
        attempt = await self._counted.reserve(name, who, "auth.login", name)
        found = await self._store.for_login(org, name)
        user, hashed = found or (None, None)
        try:
            fits = await self._passwords.verify(password, hashed)
        except Overloaded:
            await self._counted.forget(attempt)
            raise
        if user is None or hashed is None or not fits or user.disabled:
            who = who if user is None else structs.replace(who, org=user.org)
            await self._audit.note(audit_entry(who, "auth.login", name, outcome="failed"))
            raise Unauthenticated(BAD_LOGIN)
        return Checked(user, hashed, attempt)

    async def require(self, by: Principal, user: UserRow, password: str) -> None:
        """Raises `Forbidden` when it is not the user's, `TooManyRequests` after too many."""
        who = structs.replace(by, kind="anyone", subject="")
        try:
            async with self.of(user.username, password, who, user.org) as checked:
                await self._counted.forget(checked.attempt)
        except Unauthenticated:
            raise Forbidden("the current password is wrong") from None


def _comparable(username: str) -> str:
    """The name as it is stored; as it came when no user can have it."""
    try:
        return username_of(username)
    except Invalid:
        return username
