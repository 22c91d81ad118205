"""Signing in and out: sessions, their refresh tokens, tickets for dashboard sockets."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from hub.accounts.passwords import Passwords
from hub.accounts.service import AccountService
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.tokens import REFUSAL, Claims, hash_secret, new_secret
from hub.audit.service import AuditService, Deed, deed_of
from hub.base.database import Connection
from hub.base.errors import Forbidden, TooManyRequests, Unauthenticated
from hub.base.settings import Settings
from hub.web.principal import Principal
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, OrgId, uuid7

TICKET_SECONDS: Final = 30.0
FAILURES_BY_NAME: Final = 10
FAILURES_BY_ADDRESS: Final = 50

BAD_LOGIN: Final = "the user name or the password is wrong"


class Grant(Struct, frozen=True):
    """What signing in, or refreshing, gives."""

    token: str
    expires_at: str
    refresh_token: str
    user: UserRow


class SessionService:
    def __init__(
        self,
        store: AccountStore,
        audit: AuditService,
        settings: Settings,
        accounts: AccountService,
        passwords: Passwords,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._audit = audit
        self._settings = settings
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self.refresh_seconds = settings.refresh_token_seconds
        """How long a session lives without use."""

    async def login(self, username: str, password: str, *, address: str) -> Grant:
        """Raises `Unauthenticated`, or `TooManyRequests` after too many failures."""
        by_name, by_address = await self._store.login_failures(DEFAULT_ORG, username, address)
        if by_name >= FAILURES_BY_NAME or by_address >= FAILURES_BY_ADDRESS:
            raise TooManyRequests("too many failed logins, wait a minute", retry_after=60)
        user = await self._store.user_by_name(DEFAULT_ORG, username)
        fits = await self._passwords.verify(password, user.password_hash if user else None)
        if user is None or not fits or user.disabled:
            await self._store.add_login_failure(DEFAULT_ORG, username, address)
            raise Unauthenticated(BAD_LOGIN)
        session_id = uuid7()
        seconds = float(self.refresh_seconds)
        async with self._store.database.transaction() as connection:
            await self._store.add_session(connection, user, session_id, seconds)
            await self._audit.record(connection, _deed(user, "auth.login"))
            refresh_token = await self._new_refresh_token(connection, user.org, session_id)
        return self._grant(user, session_id, refresh_token)

    async def renew(self, refresh_token: str) -> Grant:
        """A new pair for a refresh token; its second use ends the session.

        Raises `Unauthenticated`.
        """
        hashed = hash_secret(refresh_token)
        grant = None
        async with self._store.database.transaction() as connection:
            row = await self._store.lock_refresh_token(connection, hashed)
            if row is not None and row.used and not row.ended:
                await self._store.end_session(connection, row.org, row.session_id)
                deed = Deed(
                    org=row.org, actor="hub", action="auth.refresh_reused", target=row.user_id
                )
                await self._audit.record(connection, deed)
            elif row is not None and not (row.used or row.expired or row.ended):
                user = await self._store.lock_user(connection, row.org, row.user_id)
                if user is not None and not user.disabled:
                    seconds = float(self.refresh_seconds)
                    await self._store.use_refresh_token(connection, hashed, row, seconds)
                    new = await self._new_refresh_token(connection, row.org, row.session_id)
                    grant = self._grant(user, row.session_id, new)
        if grant is None:
            await self._accounts.refresh()
            raise Unauthenticated(REFUSAL)
        return grant

    async def logout(self, principal: Principal) -> None:
        session_id = session_of(principal)
        async with self._store.database.transaction() as connection:
            await self._store.end_session(connection, principal.org, session_id)
            await self._audit.record(connection, deed_of(principal, "auth.logout"))
        await self._accounts.refresh()

    async def ticket(self, principal: Principal) -> tuple[str, str]:
        """(ticket, expiresAt): opens one dashboard socket within 30 s."""
        ticket = new_secret()
        await self._store.add_ticket(
            hash_secret(ticket),
            principal.org,
            session_of(principal),
            seconds=TICKET_SECONDS,
            token_expires=principal.expires_at,
        )
        return ticket, _moment(self._clock() + TICKET_SECONDS)

    def _grant(self, user: UserRow, session_id: str, refresh_token: str) -> Grant:
        now = self._clock()
        claims = Claims(
            subject=user.user_id,
            scope="user",
            org=user.org,
            issued_at=now,
            expires_at=int(now) + self._settings.user_token_seconds,
            token_id=uuid7(),
            role=user.role,
            session_id=session_id,
            name=user.username,
        )
        return Grant(
            self._accounts.tokens.issue(claims), _moment(claims.expires_at), refresh_token, user
        )

    async def _new_refresh_token(self, connection: Connection, org: OrgId, session_id: str) -> str:
        token = new_secret()
        await self._store.add_refresh_token(
            connection,
            hash_secret(token),
            org,
            session_id,
            float(self.refresh_seconds),
        )
        return token


def session_of(principal: Principal) -> str:
    """Raises `Forbidden` for whoever has none (an API key)."""
    if principal.session_id is None:
        raise Forbidden("this needs a session: sign in with a password")
    return principal.session_id


def _deed(user: UserRow, action: str) -> Deed:
    return Deed(org=user.org, actor=user.username, action=action, target=user.username)


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
