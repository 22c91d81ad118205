"""The second factor of one's own account: begun, confirmed, removed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.tokens import REFUSAL
from hub.base.database import Connection
from hub.base.errors import NotFound, Unauthenticated
from hub.base.principal import Principal
from hub.rights.asked import Shown


class OwnFactors:
    def __init__(
        self,
        store: AccountStore,
        sessions: SessionStore,
        accounts: AccountService,
        recent: RecentSignIn,
        factors: SecondFactors,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._accounts = accounts
        self._recent = recent
        self._factors = factors

    async def begin_code(self, by: Principal) -> tuple[str, str]:
        """(secret, URI) for an authenticator program. Raises `Reauthenticate`, `Conflict`."""
        async with self.changing(by) as (connection, user):
            return await self._factors.begin(connection, by, user.username)

    async def confirm_code(self, by: Principal, code: str) -> list[str]:
        """The recovery codes. Raises `Unauthenticated` for a wrong code, `Conflict`."""
        async with self.changing(by) as (connection, user):
            codes = await self._factors.confirm(connection, by, user.username, code)
            await self.has_shown(connection, by, "second_factor")
        await self._accounts.refresh()
        return codes

    async def remove_code(self, by: Principal) -> None:
        """Raises `NotFound` where there is none."""
        async with self.changing(by) as (connection, user):
            if not await self._factors.remove(connection, by, user.user_id, user.username):
                raise NotFound("you have no authenticator program")

    async def has_shown(self, connection: Connection, by: Principal, shown: Shown) -> None:
        """Its session has shown this, too, by adding it; the caller refreshes what is known."""
        if await self._sessions.has_shown(connection, by.org, session_of(by), shown):
            await self._store.rights_changed(connection, by.org, [by.subject])

    @asynccontextmanager
    async def changing(self, by: Principal) -> AsyncGenerator[tuple[Connection, UserRow]]:
        """A transaction with the lock on one's own account. Raises `Reauthenticate`."""
        await self._recent.require_whole_account(by)
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_user(connection, by.org, by.subject)
            if locked is None:
                raise Unauthenticated(REFUSAL)
            await self._recent.require(connection, by)
            yield connection, locked[0]
