"""Signing in and out: sessions, their refresh tokens, tickets for dashboard sockets.

Signing in, renewing and ending lock the user, then the session, then the refresh token, and a token
is signed inside these locks: whatever ends a session has seen every token of it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct, structs

from hub.accounts.attempts import BY_ADDRESS, BY_NAME, TOO_MANY, Attempts
from hub.accounts.factor_store import FactorStore
from hub.accounts.names import username_of
from hub.accounts.passwords import Passwords
from hub.accounts.provider_store import LDAP, GrantRow, ProviderStore, Statement
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService, moment
from hub.accounts.store import AccountStore, RefreshOf, SessionRow, UserRow
from hub.accounts.tokens import REFUSAL, Claims, hash_secret, new_secret
from hub.audit.entries import AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.database import Connection
from hub.base.errors import (
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    Reauthenticate,
    SecondFactorMissing,
    SharedAccount,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    invalid,
)
from hub.base.principal import Principal
from hub.base.settings import Settings
from hub.rights.access import may_everywhere
from protocol.ids import DEFAULT_ORG, OrgId, uuid7

TICKET_SECONDS: Final = 30.0
RECENT_SECONDS: Final = 600.0
"""How long a sign-in counts as recent."""

CHECK_SECONDS: Final = 900.0
"""How long what a provider said of a session is good: as sql/queries/providers.sql has it."""

BAD_LOGIN: Final = "the user name or the password is wrong"


class SignIn(Struct, frozen=True):
    """What signing in, or refreshing, gives."""

    token: str
    expires_at: str
    refresh_token: str
    session_id: str
    expires_in: int
    """Seconds."""
    user: UserRow


class Checked(Struct, frozen=True):
    """Somebody who has shown the password, at an attempt that is still counted."""

    user: UserRow
    password_hash: str
    attempt: int


class SessionService:
    def __init__(
        self,
        store: AccountStore,
        audit: AuditService,
        settings: Settings,
        accounts: AccountService,
        passwords: Passwords,
        factors: SecondFactors,
        factor_store: FactorStore,
        providers: ProviderStore,
    ) -> None:
        self._store = store
        self._audit = audit
        self._settings = settings
        self._accounts = accounts
        self._passwords = passwords
        self._factors = factors
        self._factor_store = factor_store
        self._providers = providers
        self._attempts = Attempts()
        self._check: Callable[[bytes], Awaitable[None]] | None = None
        self._prove: Callable[[Principal, Statement, str], Awaitable[None]] | None = None
        self.refresh_seconds = settings.refresh_token_seconds
        """How long a session lives without use."""
        self._on_login: list[Callable[[], None]] = []

    def on_login(self, listener: Callable[[], None]) -> None:
        """Have `listener` told whenever somebody has signed in."""
        self._on_login.append(listener)

    def check_with(self, check: Callable[[bytes], Awaitable[None]]) -> None:
        """Have `check` asked about the hash of a refresh token before it counts: it ends a session
        whose provider says no."""
        self._check = check

    def prove_with(self, prove: Callable[[Principal, Statement, str], Awaitable[None]]) -> None:
        """Have `prove` asked about a password of a directory: it raises `Forbidden`."""
        self._prove = prove

    def signed_in_elsewhere(self) -> None:
        """Somebody has signed in by a provider."""
        self._tell_login()

    # Signing in

    async def login(
        self,
        username: str,
        password: str,
        *,
        address: str,
        request_id: str | None = None,
        org: OrgId | None = None,
        by_cookie: bool = False,
    ) -> SignIn:
        """A session in `org`, or where the account signed in last. Raises `Unauthenticated`,
        `SecondFactorMissing`, `TooManyRequests` after too many failures, or `Overloaded`."""
        who = Principal(
            org=DEFAULT_ORG, kind="anyone", subject="", actor=username, address=address,
            request_id=request_id,
        )  # fmt: skip
        name = _comparable(username)
        async with self._attempts.one(name, block_of(address)):
            checked = await self._checked(name, password, who, org)
            grant = await self._signed_in(checked, who, by_cookie=by_cookie)
        self._tell_login()
        return grant

    def _tell_login(self) -> None:
        for listener in self._on_login:
            listener()

    async def _signed_in(self, checked: Checked, who: Principal, *, by_cookie: bool) -> SignIn:
        async with self._store.database.transaction() as connection:
            user = checked.user
            locked = await self._store.lock_user(connection, user.org, user.user_id)
            if locked is None or locked[0].disabled or locked[1] != checked.password_hash:
                raise Unauthenticated(BAD_LOGIN)
            await self._store.forget_attempt(connection, checked.attempt)
            if not user.has_code:
                return await self._begin(connection, locked[0], who)
            missing = await self._factors.challenge(
                connection, user.org, user.user_id, by_cookie=by_cookie
            )
        raise missing

    async def factor_missing(
        self,
        connection: Connection,
        org: OrgId,
        user_id: str,
        said: Statement,
        *,
        by_cookie: bool,
    ) -> SecondFactorMissing | None:
        """What somebody is answered whose password a directory has found good; None when that is
        enough."""
        locked = await self._store.lock_user(connection, org, user_id)
        if locked is None or not locked[0].has_code:
            return None
        return await self._factors.challenge(
            connection, org, user_id, by_cookie=by_cookie, said=said
        )

    async def second_factor(
        self, challenge: str, code: str, *, address: str, request_id: str | None = None
    ) -> tuple[SignIn, bool]:
        """(session, whether its refresh token goes into a cookie) of who has shown the password
        before. Raises `Unauthenticated`, `TooManyRequests`."""
        hashed = hash_secret(challenge)
        found = await self._factor_store.try_challenge(hashed)
        if found is None:
            raise Unauthenticated("the challenge is unknown, used up or has run out: sign in again")
        who = Principal(
            org=found.org, kind="anyone", subject="", actor=found.user_id, address=address,
            request_id=request_id,
        )  # fmt: skip
        async with (
            self.tries(f"code {found.user_id}", who, "auth.code", found.user_id) as attempt,
            self._store.database.transaction() as connection,
        ):
            await self._store.lock_user(connection, found.org, found.user_id)
            await self._factors.require(connection, found.user_id, code)
            await self._factor_store.end_challenge(connection, hashed)
            await self._store.forget_attempt(connection, attempt)
            grant = await self.begin(connection, found.org, found.user_id, who, found.said)
        if found.said is not None:
            await self._accounts.refresh()
        self._tell_login()
        return grant, found.by_cookie

    @asynccontextmanager
    async def tries(
        self, name: str, who: Principal, action: str, target: str
    ) -> AsyncGenerator[int]:
        """The attempt that a code or a directory's password is, counted until it is forgotten.
        Raises `TooManyRequests`."""
        attempt = await self._store.reserve_attempt(
            name, block_of(who.address or ""), by_name=BY_NAME, by_address=BY_ADDRESS
        )
        if attempt is None:
            await self._audit.note(audit_entry(who, action, target, outcome="refused"))
            raise TooManyRequests(TOO_MANY, retry_after=60)
        try:
            yield attempt
        except Unauthenticated:
            await self._audit.note(audit_entry(who, action, target, outcome="failed"))
            raise
        except (Unavailable, Overloaded):
            await self.forget(attempt)
            raise

    async def _begin(
        self,
        connection: Connection,
        user: UserRow,
        who: Principal,
        action: str = "auth.login",
        said: Statement | None = None,
    ) -> SignIn:
        """A new session, under the lock on the user; `said` is what a provider said of it."""
        await self._store.signed_in(connection, user, block_of(who.address or ""))
        session = await self._store.add_session(
            connection,
            user,
            uuid7(),
            seconds=float(self.refresh_seconds),
            address=who.address,
        )
        by = _principal_of(user, session.session_id, who)
        entry = audit_entry(by, action, user.username)
        if said is not None:
            session = await self._attach(connection, user, session, said)
            entry = structs.replace(entry, detail={"provider": said.provider_id})
        await self._audit.record(connection, entry)
        return await self._grant(connection, user, session)

    async def _attach(
        self, connection: Connection, user: UserRow, session: SessionRow, said: Statement
    ) -> SessionRow:
        """A session that lasts as the provider's settings say, with the groups that it named."""
        ends_at = await self._providers.attach(connection, user.org, session.session_id, said)
        if said.groups:
            await self._store.rights_changed(connection, user.org, [user.user_id])
        due = self._accounts.clock() + CHECK_SECONDS if said.is_checked else None
        return structs.replace(session, ends_at=ends_at, check_due=due)

    async def begin(
        self,
        connection: Connection,
        org: OrgId,
        user_id: str,
        who: Principal,
        said: Statement | None = None,
    ) -> SignIn:
        """A session of a member whom something else than a password has shown. Raises
        `Unauthenticated`."""
        locked = await self._store.lock_user(connection, org, user_id)
        if locked is None or locked[0].disabled:
            raise Unauthenticated(REFUSAL)
        return await self._begin(connection, locked[0], who, said=said)

    async def switch(self, by: Principal, org: OrgId) -> SignIn:
        """A session in another organisation of the caller, beside its own; it keeps when the caller
        signed in, and by which provider. Raises `NotFound` for one where the caller is no member,
        `Forbidden` where the provider of its own has no say."""
        session_id = session_of(by)
        granted = await self._providers.grant(by.org, session_id)
        if granted is not None and granted.provider_org not in (None, org):
            raise Forbidden("the provider of this session signs in to one organisation only")
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_user(connection, org, by.subject)
            if locked is None or locked[0].disabled:
                raise NotFound("you are a member of no such organisation")
            grant = await self._begin(connection, locked[0], by, "auth.switch")
            await self._carry_over(connection, by, grant, granted)
        if granted is not None:
            await self._accounts.refresh()
        return grant

    async def begin_beside(self, connection: Connection, by: Principal, org: OrgId) -> SignIn:
        """A session beside that of the caller: as old, and for as long as its provider vouches.
        Raises `Unauthenticated`."""
        granted = await self._providers.grant(by.org, session_of(by))
        grant = await self.begin(connection, org, by.subject, by)
        await self._carry_over(connection, by, grant, granted)
        return grant

    async def _carry_over(
        self, connection: Connection, by: Principal, grant: SignIn, granted: GrantRow | None
    ) -> None:
        """When the caller signed in, and by which provider. Raises `Unauthenticated` when the
        session of the caller has ended."""
        was, now = (by.org, session_of(by)), (grant.user.org, grant.session_id)
        if not await self._store.keep_sign_in(connection, was, now):
            raise Unauthenticated(REFUSAL)
        if granted is not None:
            await self._providers.copy(connection, was, now)
            await self._store.rights_changed(connection, grant.user.org, [by.subject])

    async def _checked(
        self, name: str, password: str, who: Principal, org: OrgId | None
    ) -> Checked:
        """The user whose password it is, and the attempt that is counted until it is forgotten."""
        address = block_of(who.address or "")
        attempt = await self._store.reserve_attempt(
            name, address, by_name=BY_NAME, by_address=BY_ADDRESS
        )
        if attempt is None:
            await self._audit.note(audit_entry(who, "auth.login", name, outcome="refused"))
            raise TooManyRequests(TOO_MANY, retry_after=60)
        found = await self._store.for_login(org, name)
        user, hashed = found or (None, None)
        try:
            fits = await self._passwords.verify(password, hashed)
        except Overloaded:
            await self.forget(attempt)
            raise
        if user is None or hashed is None or not fits or user.disabled:
            who = who if user is None else structs.replace(who, org=user.org)
            await self._audit.note(audit_entry(who, "auth.login", name, outcome="failed"))
            raise Unauthenticated(BAD_LOGIN)
        return Checked(user, hashed, attempt)

    async def reauthenticate(
        self, by: Principal, *, password: str | None, code: str | None
    ) -> None:
        """The session's user shows the password or a code again. Raises `Forbidden` when it is
        wrong, `Invalid` for neither."""
        session_id = session_of(by)
        user = await self._store.user_by_id(by.org, by.subject)
        if user is None:
            raise Unauthenticated(REFUSAL)
        if password is not None:
            await self._require_own_password(by, user, password)
        elif code is not None:
            await self._require_code(by, user, code)
        else:
            raise invalid("password", "is missing: show it, or a code")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.authenticated(connection, by.org, session_id)
            await self._audit.record(
                connection, audit_entry(by, "auth.reauthenticate", user.username)
            )

    async def _require_own_password(self, by: Principal, user: UserRow, password: str) -> None:
        """By the directory that began the session, where one did. Raises `Forbidden`."""
        granted = await self._providers.grant(by.org, session_of(by))
        if granted is None or granted.said.issuer != LDAP or self._prove is None:
            await self.require_password(by, user, password)
        else:
            await self._prove(by, granted.said, password)

    async def _require_code(self, by: Principal, user: UserRow, code: str) -> None:
        try:
            async with (
                self.tries(f"code {user.user_id}", by, "auth.code", user.user_id) as attempt,
                self._store.database.transaction() as connection,
            ):
                await self._factors.require(connection, user.user_id, code)
                await self._store.forget_attempt(connection, attempt)
        except Unauthenticated as error:
            raise Forbidden(error.detail) from None

    async def require_password(self, by: Principal, user: UserRow, password: str) -> None:
        """Raises `Forbidden` when it is not the user's, `TooManyRequests` after too many."""
        who = structs.replace(by, kind="anyone", subject="")
        async with self._attempts.one(user.username, block_of(by.address or "")):
            try:
                checked = await self._checked(user.username, password, who, user.org)
            except Unauthenticated:
                raise Forbidden("the current password is wrong") from None
            await self.forget(checked.attempt)

    async def forget(self, attempt: int) -> None:
        """It was a good one, or nobody looked at it."""
        async with self._store.database.connection() as connection:
            await self._store.forget_attempt(connection, attempt)

    async def require_recent(self, connection: Connection, by: Principal) -> None:
        """Raises `Reauthenticate` when the session's user last showed the password long ago."""
        recent = await self._store.authenticated_recently(
            connection, by.org, session_of(by), seconds=RECENT_SECONDS
        )
        if not recent:
            may = await self._providers.methods(by.subject)
            methods = {
                "password": may.has_password,
                "code": may.has_code,
                "provider": may.has_provider,
            }
            raise Reauthenticate(
                "sign in again: this requires a sign-in within the last 10 minutes",
                members={"methods": [name for name, there in methods.items() if there]},
            )

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

    def principal_of(self, grant: SignIn, who: Principal) -> Principal:
        """Who has signed in, for the audit; `who` says from where."""
        return _principal_of(grant.user, grant.session_id, who)

    # The second factor

    async def begin_code(self, by: Principal) -> tuple[str, str]:
        """(secret, URI) for an authenticator program. Raises `Reauthenticate`, `Conflict`."""
        async with self._own_factor(by) as (connection, user):
            return await self._factors.begin(connection, by, user.username)

    async def confirm_code(self, by: Principal, code: str) -> list[str]:
        """The recovery codes. Raises `Unauthenticated` for a wrong code, `Conflict`."""
        async with self._own_factor(by) as (connection, user):
            return await self._factors.confirm(connection, by, user.username, code)

    async def remove_code(self, by: Principal) -> None:
        """Raises `NotFound` where there is none."""
        async with self._own_factor(by) as (connection, user):
            if not await self._factors.remove(connection, by, user.user_id, user.username):
                raise NotFound("you have no authenticator program")

    @asynccontextmanager
    async def _own_factor(self, by: Principal) -> AsyncGenerator[tuple[Connection, UserRow]]:
        await self.require_whole_account(by)
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_user(connection, by.org, by.subject)
            if locked is None:
                raise Unauthenticated(REFUSAL)
            await self.require_recent(connection, by)
            yield connection, locked[0]

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

    async def _renew(self, connection: Connection, of: RefreshOf, hashed: bytes) -> SignIn | None:
        locked = await self._store.lock_user(connection, of.org, of.user_id)
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
        await self._store.use_refresh_token(connection, hashed, of, float(self.refresh_seconds))
        return await self._grant(connection, locked[0], session)

    async def _grant(self, connection: Connection, user: UserRow, session: SessionRow) -> SignIn:
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
        ends = [now + self._settings.user_token_seconds, session.ends_at.timestamp()]
        if session.check_due is not None:
            ends.append(session.check_due)
        return int(min(ends))

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
        """(ticket, expiresAt): opens one dashboard socket within 30 s."""
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


def _comparable(username: str) -> str:
    """The name as it is stored; as it came when no user can have it."""
    try:
        return username_of(username)
    except Invalid:
        return username


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
