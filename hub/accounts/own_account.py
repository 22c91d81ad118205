"""One's own account: the password, the organisations, what the console keeps."""

from typing import Any

from msgspec import structs

from hub.accounts.api_key_store import ApiKeyStore
from hub.accounts.password_check import PasswordCheck
from hub.accounts.passwords import Passwords, require_strong
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, OrgRow, UserRow
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound
from hub.base.principal import Principal


class OwnAccount:
    def __init__(
        self,
        store: AccountStore,
        sessions: SessionStore,
        keys: ApiKeyStore,
        accounts: AccountService,
        recent: RecentSignIn,
        check: PasswordCheck,
        passwords: Passwords,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._keys = keys
        self._accounts = accounts
        self._recent = recent
        self._check = check
        self._passwords = passwords
        self._audit = audit

    async def change_password(
        self, by: Principal, current: str, new: str, *, end_api_keys: bool = False
    ) -> None:
        """Ends every session of the user, and the API keys when that is wanted. Raises `Forbidden`
        when `current` is wrong, `Reauthenticate` when the sign-in is not recent."""
        session_of(by)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._recent.require(connection, by)
        user = await self.me(by)
        require_strong(new, user.username, field="new")
        await self._check.require(by, user, current)
        hashed = await self._passwords.hash(new)
        async with self._store.database.transaction() as connection:
            await self._store.lock_user(connection, by.org, by.subject)
            changed = structs.replace(user, initial_password=False)
            await self._store.update_user(connection, changed, hashed)
            await self._sessions.end_everywhere(connection, user.user_id)
            if end_api_keys:
                await self._keys.delete_everywhere(connection, user.user_id)
            entry = audit_entry(by, "auth.password", user.username, apiKeysEnded=end_api_keys)
            await self._audit.record(connection, entry)
        await self._accounts.refresh()

    async def me(self, principal: Principal) -> UserRow:
        user = await self._store.user_by_id(principal.org, principal.subject)
        if user is None:
            raise NotFound("you are no member any more")
        return user

    async def organisations(self, by: Principal) -> list[OrgRow]:
        """Where the caller's account is a member, the oldest first."""
        return await self._store.organisations(by.subject)

    async def preferences(self, principal: Principal) -> dict[str, Any]:
        session_of(principal)
        return await self._store.preferences(principal.org, principal.subject)

    async def set_preferences(self, principal: Principal, wanted: dict[str, Any]) -> None:
        """Replaces all of them."""
        session_of(principal)
        await self._store.put_preferences(principal.org, principal.subject, wanted)
