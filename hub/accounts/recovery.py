"""What the command line does for who has lost a password or a second factor.

Whoever reaches the database is trusted.
"""

from typing import Final

from msgspec import structs

from hub.accounts.api_key_store import ApiKeyStore
from hub.accounts.passkey_store import PasskeyStore
from hub.accounts.passwords import Passwords, require_strong
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.users import changes_of_user
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound
from hub.base.principal import Principal
from protocol.ids import DEFAULT_ORG

THE_HUB: Final = Principal(org=DEFAULT_ORG, kind="hub", subject="", actor="hub")
"""Its command line."""


class AccountRecovery:
    def __init__(
        self,
        store: AccountStore,
        sessions: SessionStore,
        keys: ApiKeyStore,
        accounts: AccountService,
        passwords: Passwords,
        factors: SecondFactors,
        passkeys: PasskeyStore,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._keys = keys
        self._accounts = accounts
        self._passwords = passwords
        self._factors = factors
        self._passkeys = passkeys
        self._audit = audit

    async def reset_password(self, username: str, password: str) -> None:
        """The user is asked for another one."""
        user = await self._named(username)
        require_strong(password, user.username)
        hashed = await self._passwords.hash(password)
        async with self._store.database.transaction() as connection:
            await self._store.lock_user(connection, user.org, user.user_id)
            changed = structs.replace(user, initial_password=True)
            await self._store.update_user(connection, changed, hashed)
            await self._sessions.end_everywhere(connection, user.user_id)
            await self._keys.delete_everywhere(connection, user.user_id)
            by = structs.replace(THE_HUB, org=user.org)
            entry = audit_entry(
                by,
                "user.update",
                user.username,
                changes=changes_of_user(user, changed, new_password=True),
                userId=user.user_id,
            )
            await self._audit.record(connection, entry)
        await self._accounts.refresh()

    async def remove_factor(self, username: str) -> None:
        """Of who has lost the authenticator program, or a passkey: all of them. Raises
        `NotFound`."""
        user = await self._named(username)
        async with self._store.database.transaction() as connection:
            await self._store.lock_user(connection, user.org, user.user_id)
            by = structs.replace(THE_HUB, org=user.org)
            had_code = await self._factors.remove(connection, by, user.user_id, user.username)
            passkeys = await self._passkeys.delete_of(connection, user.user_id)
            if not (had_code or passkeys):
                raise NotFound(f"{username} has no second factor and no passkey")
            if passkeys:
                entry = audit_entry(by, "auth.passkey_remove", user.username, count=passkeys)
                await self._audit.record(connection, entry)

    async def _named(self, username: str) -> UserRow:
        found = await self._store.for_login(None, username)
        if found is None:
            raise NotFound(f"there is no user named {username}")
        return found[0]
