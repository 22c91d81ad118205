"""Signing in: by a password, by a second factor after it, and from one organisation to another."""

from collections.abc import Callable

from hub.accounts.counted_attempts import CountedAttempts
from hub.accounts.factor_store import FactorStore
from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.password_check import BAD_LOGIN, Checked, PasswordCheck
from hub.accounts.provider_store import GrantRow, ProviderStore, Statement
from hub.accounts.second_factor import SecondFactors
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionStore
from hub.accounts.sessions import session_of
from hub.accounts.sign_in_policy import SignInPolicy
from hub.accounts.store import AccountStore, UserRow
from hub.accounts.tokens import hash_secret
from hub.base.database import Connection
from hub.base.errors import Forbidden, HubError, NotFound, Unauthenticated
from hub.base.principal import Principal
from protocol.ids import DEFAULT_ORG, OrgId


class SignInService:
    def __init__(
        self,
        store: AccountStore,
        sessions: SessionStore,
        accounts: AccountService,
        issuer: SessionIssuer,
        passwords: PasswordCheck,
        counted: CountedAttempts,
        policy: SignInPolicy,
        factors: SecondFactors,
        factor_store: FactorStore,
        providers: ProviderStore,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._accounts = accounts
        self._issuer = issuer
        self._passwords = passwords
        self._counted = counted
        self._policy = policy
        self._factors = factors
        self._factor_store = factor_store
        self._providers = providers
        self._on_login: list[Callable[[], None]] = []

    def on_login(self, listener: Callable[[], None]) -> None:
        """Have `listener` told whenever somebody has signed in."""
        self._on_login.append(listener)

    def tell_login(self) -> None:
        """Somebody has signed in."""
        for listener in self._on_login:
            listener()

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
        `SecondFactorMissing`, `UseProvider`, `TooManyRequests` after too many failures, or
        `Overloaded`."""
        who = Principal(
            org=DEFAULT_ORG, kind="anyone", subject="", actor=username, address=address,
            request_id=request_id,
        )  # fmt: skip
        async with self._passwords.of(username, password, who, org) as checked:
            grant = await self._signed_in(checked, who, by_cookie=by_cookie)
        self.tell_login()
        return grant

    async def _signed_in(self, checked: Checked, who: Principal, *, by_cookie: bool) -> SignIn:
        async with self._store.database.transaction() as connection:
            user = checked.user
            locked = await self._store.lock_user(connection, user.org, user.user_id)
            if locked is None or locked[0].disabled or locked[1] != checked.password_hash:
                raise Unauthenticated(BAD_LOGIN)
            await self._sessions.forget_attempt(connection, checked.attempt)
            owed = await self._policy.owed(connection, locked[0], by_cookie=by_cookie)
            if owed is None:
                return await self._issuer.begin_for(connection, locked[0], who)
        raise owed  # what it refers to is committed

    async def factor_missing(
        self,
        connection: Connection,
        org: OrgId,
        user_id: str,
        said: Statement,
        *,
        by_cookie: bool,
    ) -> HubError | None:
        """What somebody is answered whose password a directory has found good; None when that is
        enough."""
        locked = await self._store.lock_user(connection, org, user_id)
        if locked is None:
            return None
        return await self._policy.owed(
            connection, locked[0], by_cookie=by_cookie, by_provider=True, said=said
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
        name = f"code {found.user_id}"
        async with (
            self._counted.one(name, who, "auth.code", found.user_id) as attempt,
            self._store.database.transaction() as connection,
        ):
            await self._store.lock_user(connection, found.org, found.user_id)
            await self._factors.require(connection, found.user_id, code)
            await self._factor_store.end_challenge(connection, hashed)
            await self._sessions.forget_attempt(connection, attempt)
            grant = await self._issuer.begin(
                connection, found.org, found.user_id, who, found.said, shown="second_factor"
            )
        if found.said is not None:
            await self._accounts.refresh()
        self.tell_login()
        return grant, found.by_cookie

    async def switch(self, by: Principal, org: OrgId, *, by_cookie: bool = False) -> SignIn:
        """A session in another organisation of the caller, beside its own; it keeps when the caller
        signed in, and by which provider. Raises `NotFound` for one where the caller is no member,
        `Forbidden` where the provider of its own has no say, `SecondFactorMissing` and
        `UseProvider` where that organisation asks for more."""
        session_id = session_of(by)
        granted = await self._providers.grant(by.org, session_id)
        if granted is not None and granted.provider_org not in (None, org):
            raise Forbidden("the provider of this session signs in to one organisation only")
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_user(connection, org, by.subject)
            if locked is None or locked[0].disabled:
                raise NotFound("you are a member of no such organisation")
            grant = await self._go_over(connection, by, locked[0], granted, by_cookie=by_cookie)
        if isinstance(grant, HubError):  # what it refers to is committed
            raise grant
        if granted is not None:
            await self._accounts.refresh()
        return grant

    async def _go_over(
        self,
        connection: Connection,
        by: Principal,
        user: UserRow,
        granted: GrantRow | None,
        *,
        by_cookie: bool,
    ) -> SignIn | HubError:
        """Under the lock on the user, who is a member there."""
        session_id = session_of(by)
        shown = await self._sessions.shown_in(connection, by.org, session_id)
        owed = await self._policy.owed(
            connection, user, by_cookie=by_cookie, shown=shown or "one_factor",
            by_provider=granted is not None, switches=True,
        )  # fmt: skip
        if owed is not None:
            return owed
        grant = await self._issuer.begin_for(connection, user, by, "auth.switch")
        await self._issuer.go_on(connection, by, session_id, grant)
        return grant
