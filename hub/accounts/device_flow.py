"""Signing in a program without a browser: RFC 8628, for the command line."""

from typing import Final, Literal

from msgspec import Struct

from hub.accounts.factor_store import Approver, FactorStore, GrantState, WaitingProgram
from hub.accounts.factors import new_user_code, shown_user_code, user_code
from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import NotFound, PublicUrlMissing, TooManyRequests, Unauthenticated
from hub.base.principal import Principal

CLIENT: Final = "longline-cli"
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
EXPIRES_SECONDS: Final = 600
INTERVAL_SECONDS: Final = 5
MOST_WRONG: Final = 5

OauthError = Literal[
    "invalid_client",
    "invalid_request",
    "unsupported_grant_type",
    "invalid_grant",
    "authorization_pending",
    "slow_down",
    "access_denied",
    "expired_token",
]


class Refused(Exception):
    """As RFC 6749, 5.2, and RFC 8628, 3.5, say it."""

    def __init__(self, error: OauthError) -> None:
        super().__init__(error)
        self.error = error


class DeviceAuthorization(Struct, frozen=True):
    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int = EXPIRES_SECONDS
    interval: int = INTERVAL_SECONDS


class DeviceFlow:
    """`url` is what links begin with."""

    def __init__(
        self,
        store: FactorStore,
        accounts: AccountStore,
        issuer: SessionIssuer,
        audit: AuditService,
        *,
        url: str | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._issuer = issuer
        self._audit = audit
        self._url = url

    async def authorize(self, client: str | None, address: str | None) -> DeviceAuthorization:
        """Raises `Refused`, `PublicUrlMissing`."""
        if self._url is None:
            raise PublicUrlMissing("set LONGLINE_PUBLIC_URL: the page for the code needs it")
        if client != CLIENT:
            raise Refused("invalid_client")
        code, device_code = new_user_code(), new_secret()
        while not await self._store.add_grant(hash_secret(device_code), code, address):
            code = new_user_code()
        shown, page = shown_user_code(code), f"{self._url}/device"
        return DeviceAuthorization(device_code, shown, page, f"{page}?code={shown}")

    async def waiting(self, by: Principal, typed: str) -> WaitingProgram:
        """What waits for a code. Raises `NotFound`, `TooManyRequests` after five wrong ones."""
        session_of(by)
        await self._may_try(by)
        found = await self._store.waiting(user_code(typed))
        if found is None:
            raise await self._wrong(by)
        return found

    async def decide(self, by: Principal, typed: str, *, approve: bool) -> None:
        """Sign the program in as the caller, in the organisation of its session, or refuse it.
        Raises `NotFound`, `TooManyRequests` after five wrong codes."""
        approver = Approver(by.org, by.subject, session_of(by))
        await self._may_try(by)
        action = "auth.device_approve" if approve else "auth.device_deny"
        async with self._accounts.database.transaction() as connection:
            decided = await self._store.decide(
                connection, user_code(typed), approver, approve=approve
            )
            if decided:
                await self._audit.record(connection, audit_entry(by, action))
        if not decided:
            raise await self._wrong(by)

    async def token(self, grant: str | None, code: str | None, client: str | None) -> SignIn:
        """A session of who has approved, which goes on from the one that did. Raises `Refused`."""
        if client != CLIENT:
            raise Refused("invalid_client")
        if grant != GRANT:
            raise Refused("unsupported_grant_type")
        if not code:
            raise Refused("invalid_request")
        hashed = hash_secret(code)
        by = _approved(await self._store.poll(hashed))
        who = Principal(
            org=by.org,
            kind="user",
            subject=by.user_id,
            actor=by.user_id,
            session_id=by.session_id,
        )
        try:
            async with self._accounts.database.transaction() as connection:
                if not await self._store.use(connection, hashed):
                    raise Refused("invalid_grant")
                return await self._issuer.begin_beside(connection, by.org, who, by.session_id)
        except Unauthenticated:
            raise Refused("access_denied") from None

    async def _may_try(self, by: Principal) -> None:
        if await self._store.wrong_codes(by.subject) >= MOST_WRONG:
            raise TooManyRequests("too many wrong codes: try again later", retry_after=600)

    async def _wrong(self, by: Principal) -> NotFound:
        await self._store.note_wrong_code(by.subject)
        return NotFound("nothing waits for this code")


def _approved(state: GrantState | None) -> Approver:
    """Raises `Refused`."""
    if state is None:
        raise Refused("invalid_grant")
    if state.expired:
        raise Refused("expired_token")
    if state.denied:
        raise Refused("access_denied")
    if state.too_fast:
        raise Refused("slow_down")
    if state.approved is None:
        raise Refused("authorization_pending")
    return state.approved
