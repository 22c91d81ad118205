"""Sessions that there are: renewed, listed and ended; tickets for dashboard sockets."""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import structs

from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.service import AccountService, moment
from hub.accounts.session_store import RefreshOf, SessionRow, SessionStore
from hub.accounts.store import AccountStore
from hub.accounts.tokens import REFUSAL, hash_secret, new_secret
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Forbidden, NotFound, Unauthenticated
from hub.base.principal import Principal
from hub.rights.access import may_everywhere
from protocol.ids import OrgId

TICKET_SECONDS: Final = 30.0


class SessionService:
    def __init__(
        self,
        store: SessionStore,
        people: AccountStore,
        accounts: AccountService,
        issuer: SessionIssuer,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._people = people
        self._accounts = accounts
        self._issuer = issuer
        self._audit = audit
        self._check: Callable[[bytes], Awaitable[None]] | None = None

    def check_with(self, check: Callable[[bytes], Awaitable[None]]) -> None:
        """Have `check` asked about the hash of a refresh token before it counts: it ends a session
        whose provider says no."""
        self._check = check

    # Renewing

    async def renew(self, refresh_token: str) -> SignIn:
        """A new pair for a refresh token; its second use ends the session.

        Raises `Unauthenticated`.
        """
        hashed = hash_secret(refresh_token)
        if self._check is not None:
            await self._check(hashed)
        async with self._store.database.transaction() as connection:
            of = await self._store.refresh_token(connection, hashed)
            grant = None if of is None else await self._renew(connection, of, hashed)
        if grant is None:
            await self._accounts.refresh()
            raise Unauthenticated(REFUSAL)
        return grant

    async def _renew(self, connection: Connection, of: RefreshOf, hashed: bytes) -> SignIn | None:
        locked = await self._people.lock_user(connection, of.org, of.user_id)
        session = await self._store.lock_session(connection, of.org, of.session_id)
        token = await self._store.lock_refresh_token(connection, hashed)
        if locked is None or locked[0].disabled or session is None or token is None:
            return None
        if token.used:
            await self._store.end_session(connection, of.org, of.session_id)
            entry = AuditEntry(
                org=of.org, actor="hub", action="auth.refresh_reused", target=of.user_id
            )
            await self._audit.record(connection, entry)
            return None
        if token.expired:
            return None
        seconds = float(self._issuer.refresh_seconds)
        await self._store.use_refresh_token(connection, hashed, of, seconds)
        return await self._issuer.grant(connection, locked[0], session)

    async def in_browser(self, refresh_token: str, who: Principal) -> Principal | None:
        """Whose browser it is that keeps this refresh token, which stays good."""
        row = await self._store.browser_session(hash_secret(refresh_token))
        if row is None:
            return None
        return structs.replace(
            who,
            org=OrgId(row["org_id"]),
            kind="user",
            subject=row["user_id"],
            actor=row["username"],
            session_id=row["session_id"],
        )

    # Sessions as objects

    async def sessions(self, org: OrgId, user_id: str) -> list[SessionRow]:
        """Those of a user that have not ended, the newest first."""
        return await self._store.sessions(org, user_id)

    async def end(self, by: Principal, session_id: str) -> None:
        """One's own, or an administrator anybody's. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            owner = await self._store.session_owner(connection, by.org, session_id)
            if owner is None or not (owner == by.subject or may_everywhere(by, "sessions:delete")):
                raise NotFound("no such session")
            await self._store.end_session(connection, by.org, session_id)
            await self._audit.record(
                connection, audit_entry(by, "auth.session_end", owner, sessionId=session_id)
            )
        await self._accounts.refresh()

    async def logout(self, principal: Principal) -> None:
        session_id = session_of(principal)
        async with self._store.database.tenant(principal.org).transaction() as connection:
            await self._store.end_session(connection, principal.org, session_id)
            await self._audit.record(connection, audit_entry(principal, "auth.logout"))
        await self._accounts.refresh()

    async def ticket(self, principal: Principal) -> tuple[str, str]:
        """(ticket, expiresAt): opens one dashboard socket or event stream within 30 s."""
        ticket = new_secret()
        await self._store.add_ticket(
            hash_secret(ticket),
            principal.org,
            session_of(principal),
            seconds=TICKET_SECONDS,
            token_expires=principal.expires_at,
        )
        return ticket, moment(self._accounts.clock() + TICKET_SECONDS)


def session_of(principal: Principal) -> str:
    """Raises `Forbidden` for whoever has none (an API key)."""
    if principal.session_id is None:
        raise Forbidden("this requires a session: sign in with a password")
    return principal.session_id
