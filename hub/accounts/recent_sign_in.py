"""What requires a sign-in of late, and how people show again who they are."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.passkey_sign_in import PasskeySignIn
from hub.accounts.password_check import PasswordCheck
from hub.accounts.provider_store import LDAP, ProviderStore, Statement
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.tokens import REFUSAL
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Forbidden, Reauthenticate, SharedAccount, Unauthenticated, invalid
from hub.base.principal import Principal
from hub.rights.asked import Shown

RECENT_SECONDS: Final = 600.0
"""How long a sign-in counts as recent."""


class RecentSignIn:
    def __init__(
        self,
        store: AccountStore,
        sessions: SessionStore,
        accounts: AccountService,
        passwords: PasswordCheck,
        counted: CountedAttempts,
        factors: SecondFactors,
        providers: ProviderStore,
        passkeys: PasskeySignIn,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._accounts = accounts
        self._passwords = passwords
        self._counted = counted
        self._factors = factors
        self._providers = providers
        self._passkeys = passkeys
        self._audit = audit
        self._prove: Callable[[Principal, Statement, str], Awaitable[None]] | None = None

    def prove_with(self, prove: Callable[[Principal, Statement, str], Awaitable[None]]) -> None:
        """Have `prove` asked about a password of a directory: it raises `Forbidden`."""
        self._prove = prove

    async def require_whole_account(self, by: Principal) -> None:
        """What signs in to an account is good in each of its organisations: a session that began by
        the provider of one of them does not add to it. Raises `SharedAccount`."""
        granted = await self._providers.grant(by.org, session_of(by))
        if granted is None or granted.provider_org is None:
            return
        async with self._store.database.connection() as connection:
            if await self._store.is_shared(connection, by.subject):
                raise SharedAccount(
                    "you are a member of several organisations, and the provider of this session "
                    "is of one: sign in otherwise"
                )

    async def require(self, connection: Connection, by: Principal) -> None:
        """Raises `Reauthenticate` when the session's user last showed the password long ago; the
        guard adds `methods`."""
        recent = await self._sessions.authenticated_recently(
            connection, by.org, session_of(by), seconds=RECENT_SECONDS
        )
        if not recent:
            raise Reauthenticate(
                "sign in again: this requires a sign-in within the last 10 minutes"
            )

    async def methods(self, by: Principal) -> list[str]:
        """By what a user can show again who it is."""
        may = await self._providers.methods(by.subject)
        methods = {
            "password": may.has_password,
            "code": may.has_code,
            "passkey": may.has_passkey,
            "provider": may.has_provider,
        }
        return [name for name, there in methods.items() if there]

    async def reauthenticate(
        self,
        by: Principal,
        *,
        password: str | None = None,
        code: str | None = None,
        passkey: Mapping[str, Any] | None = None,
    ) -> None:
        """The session's user shows the password, a code or a passkey again. Raises `Forbidden` when
        it is wrong, `Invalid` for none of them."""
        session_id = session_of(by)
        user = await self._store.user_by_id(by.org, by.subject)
        if user is None:
            raise Unauthenticated(REFUSAL)
        if password is not None:
            await self._require_own_password(by, user, password)
            shown: Shown = "one_factor"
        elif code is not None:
            await self._require_code(by, user, code)
            shown = "second_factor"
        elif passkey is not None:
            await self._passkeys.prove(by, passkey)
            shown = "passkey"
        else:
            raise invalid("password", "is missing: show it, a code or a passkey")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._sessions.authenticated(connection, by.org, session_id)
            more = await self._sessions.has_shown(connection, by.org, session_id, shown)
            if more:
                await self._store.rights_changed(connection, by.org, [by.subject])
            await self._audit.record(
                connection, audit_entry(by, "auth.reauthenticate", user.username)
            )
        if more:
            await self._accounts.refresh()

    async def _require_own_password(self, by: Principal, user: UserRow, password: str) -> None:
        """By the directory that began the session, where one did. Raises `Forbidden`."""
        granted = await self._providers.grant(by.org, session_of(by))
        if granted is None or granted.said.issuer != LDAP or self._prove is None:
            await self._passwords.require(by, user, password)
        else:
            await self._prove(by, granted.said, password)

    async def _require_code(self, by: Principal, user: UserRow, code: str) -> None:
        name = f"code {user.user_id}"
        try:
            async with (
                self._counted.one(name, by, "auth.code", user.user_id) as attempt,
                self._store.database.transaction() as connection,
            ):
                await self._factors.require(connection, user.user_id, code)
                await self._sessions.forget_attempt(connection, attempt)
        except Unauthenticated as error:
            raise Forbidden(error.detail) from None
