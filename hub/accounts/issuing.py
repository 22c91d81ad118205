"""Sessions begun, and the tokens of each: an access token and a refresh token.

Signing in, renewing and ending lock the user, then the session, then the refresh token, and a token
is signed inside these locks: whatever ends a session has seen every token of it.
"""

from typing import Final

from msgspec import Struct, structs

from hub.accounts.provider_store import ProviderStore, Statement
from hub.accounts.service import AccountService, moment
from hub.accounts.session_store import SessionRow, SessionStore
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.tokens import REFUSAL, Claims, hash_secret, new_secret
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.database import Connection
from hub.base.errors import Unauthenticated
from hub.base.principal import Principal
from hub.base.settings import Settings
from hub.rights.asked import Shown
from protocol.ids import OrgId, uuid7

CHECK_SECONDS: Final = 900.0
"""How long what a provider said of a session is good: as sql/queries/providers.sql has it."""


class SignIn(Struct, frozen=True):
    """What signing in, or refreshing, gives."""

    token: str
    expires_at: str
    refresh_token: str
    session_id: str
    expires_in: int
    """Seconds."""
    user: UserRow


class SessionIssuer:
    def __init__(
        self,
        store: SessionStore,
        people: AccountStore,
        accounts: AccountService,
        providers: ProviderStore,
        audit: AuditService,
        settings: Settings,
    ) -> None:
        self._store = store
        self._people = people
        self._accounts = accounts
        self._providers = providers
        self._audit = audit
        self._token_seconds = settings.user_token_seconds
        self.refresh_seconds = settings.refresh_token_seconds
        """How long a session lives without use."""

    async def begin(
        self,
        connection: Connection,
        org: OrgId,
        user_id: str,
        who: Principal,
        said: Statement | None = None,
        *,
        shown: Shown = "one_factor",
    ) -> SignIn:
        """A session of a member whom something else than a password has shown. Raises
        `Unauthenticated`."""
        locked = await self._people.lock_user(connection, org, user_id)
        if locked is None or locked[0].disabled:
            raise Unauthenticated(REFUSAL)
        return await self.begin_for(connection, locked[0], who, said=said, shown=shown)

    async def begin_for(
        self,
        connection: Connection,
        user: UserRow,
        who: Principal,
        action: str = "auth.login",
        said: Statement | None = None,
        *,
        shown: Shown = "one_factor",
    ) -> SignIn:
        """A new session, under the lock on the user; `said` is what a provider said of it."""
        await self._store.signed_in(connection, user, block_of(who.address or ""))
        session = await self._store.add_session(
            connection,
            user,
            uuid7(),
            seconds=float(self.refresh_seconds),
            address=who.address,
            shown=shown,
        )
        by = _principal_of(user, session.session_id, who)
        entry = audit_entry(by, action, user.username)
        if said is not None:
            session = await self._attach(connection, user, session, said)
            entry = structs.replace(entry, detail={"provider": said.provider_id})
        await self._audit.record(connection, entry)
        return await self.grant(connection, user, session)

    async def begin_beside(
        self, connection: Connection, org: OrgId, by: Principal, session_id: str
    ) -> SignIn:
        """A session beside that of the caller: as old, and for as long as its provider vouches.
        Raises `Unauthenticated`."""
        grant = await self.begin(connection, org, by.subject, by)
        await self.go_on(connection, by, session_id, grant)
        return grant

    async def go_on(
        self, connection: Connection, by: Principal, session_id: str, grant: SignIn
    ) -> None:
        """When and by what the caller signed in. Raises `Unauthenticated` when the session of the
        caller has ended."""
        was, now = (by.org, session_id), (grant.user.org, grant.session_id)
        if not await self._store.keep_sign_in(connection, was, now):
            raise Unauthenticated(REFUSAL)
        if await self._providers.copy(connection, was, now):
            await self._people.rights_changed(connection, grant.user.org, [by.subject])

    async def _attach(
        self, connection: Connection, user: UserRow, session: SessionRow, said: Statement
    ) -> SessionRow:
        """A session that lasts as the provider's settings say, with the groups that it named."""
        ends_at = await self._providers.attach(connection, user.org, session.session_id, said)
        if said.groups:
            await self._people.rights_changed(connection, user.org, [user.user_id])
        due = self._accounts.clock() + CHECK_SECONDS if said.is_checked else None
        return structs.replace(session, ends_at=ends_at, check_due=due)

    async def grant(self, connection: Connection, user: UserRow, session: SessionRow) -> SignIn:
        """Under the locks on the user and the session."""
        refresh_token = new_secret()
        await self._store.add_refresh_token(
            connection,
            hash_secret(refresh_token),
            user.org,
            session.session_id,
            float(self.refresh_seconds),
        )
        now = self._accounts.clock()
        claims = Claims(
            subject=user.user_id,
            scope="user",
            org=user.org,
            issued_at=now,
            expires_at=self._expiry_of(session, now),
            token_id=uuid7(),
            version=session.version,
            role=user.role,
            session_id=session.session_id,
            name=user.username,
        )
        token = self._accounts.tokens.issue(claims)
        return SignIn(
            token,
            moment(claims.expires_at),
            refresh_token,
            session.session_id,
            int(claims.expires_at - now),
            user,
        )

    def _expiry_of(self, session: SessionRow, now: float) -> int:
        """Of an access token: not beyond when a provider is to be asked again."""
        ends = [now + self._token_seconds, session.ends_at.timestamp()]
        if session.check_due is not None:
            ends.append(session.check_due)
        return int(min(ends))

    def principal_of(self, grant: SignIn, who: Principal) -> Principal:
        """Who has signed in, for the audit; `who` says from where."""
        return _principal_of(grant.user, grant.session_id, who)


def _principal_of(user: UserRow, session_id: str, who: Principal) -> Principal:
    return Principal(
        org=user.org,
        kind="user",
        subject=user.user_id,
        actor=user.username,
        role=user.role,
        session_id=session_id,
        address=who.address,
        request_id=who.request_id,
    )
