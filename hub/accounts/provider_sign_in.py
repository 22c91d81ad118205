"""Signing in by OpenID Connect: a browser is sent to a provider, and comes back with a code."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from msgspec import Struct, structs

from hub.accounts.issuing import SignIn
from hub.accounts.oidc import OidcClient
from hub.accounts.oidc_statements import OidcStatements, client_of, is_same
from hub.accounts.provider_service import NO_PROVIDER, NO_URL
from hub.accounts.provider_store import (
    ProviderRow,
    ProviderStore,
    Purpose,
    RequestRow,
    Statement,
)
from hub.accounts.providers import ProviderAway, SignInFailed, may_be_made, return_to
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.session_store import SessionStore
from hub.accounts.store import AccountStore
from hub.accounts.tokens import REFUSAL, hash_secret, new_secret
from hub.accounts.vouched_accounts import VouchedAccounts
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    NotFound,
    PublicUrlMissing,
    Unauthenticated,
    Unavailable,
)
from hub.base.principal import Principal
from protocol.ids import DEFAULT_ORG, OrgId

log = structlog.get_logger(__name__)


class SentAway(Struct, frozen=True):
    """Where a browser goes, and what it keeps until it comes back."""

    page: str
    state: str
    secret: str


class CameBack(Struct, frozen=True):
    """Where a browser goes on; `grant` when it is a new session."""

    path: str
    grant: SignIn | None = None


class OidcSignIn:
    """`url` is what links begin with."""

    def __init__(
        self,
        store: ProviderStore,
        accounts: AccountStore,
        sessions: SessionStore,
        recent: RecentSignIn,
        audit: AuditService,
        client: OidcClient,
        statements: OidcStatements,
        vouched: VouchedAccounts,
        *,
        url: str | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._sessions = sessions
        self._recent = recent
        self._audit = audit
        self._client = client
        self._statements = statements
        self._vouched = vouched
        self._url = url

    # There

    async def start(
        self,
        provider_id: str,
        *,
        purpose: Purpose,
        path: str | None,
        org: OrgId | None,
        by: Principal | None,
    ) -> SentAway:
        """`by` is the session that links, or reauthenticates. Raises `PublicUrlMissing`,
        `NotFound`, `Invalid`, `Unauthenticated`, `Reauthenticate`; `Unavailable` when the provider
        does not answer."""
        redirect_uri = self._redirect_uri(provider_id)
        going_on = return_to(path)
        provider = await self._provider(provider_id)
        if purpose == "sign_in":
            by, org = None, await self._wanted(provider, org)
        elif by is None or by.session_id is None:
            raise Unauthenticated(REFUSAL)
        else:
            org = by.org
            await self._may(provider, by, purpose)
        client = client_of(provider)
        request = RequestRow(
            purpose=purpose, nonce=new_secret(), verifier=new_secret() + new_secret(),
            return_to=going_on, org=org, user_id=by and by.subject,
            session_id=by and by.session_id,
        )  # fmt: skip
        state, secret = new_secret(), new_secret()
        try:
            page = self._client.page(
                await self._client.metadata(client), client, state=state, nonce=request.nonce,
                verifier=request.verifier, redirect_uri=redirect_uri,
                reauthenticate=purpose == "reauthenticate",
            )  # fmt: skip
        except ProviderAway as away:
            log.warning("provider_away", provider=provider_id, why=str(away))
            raise Unavailable(f"{provider.name} cannot be used at the moment: {away}") from None
        await self._store.add_request(hash_secret(state), hash_secret(secret), provider_id, request)
        return SentAway(page, state, secret)

    def _redirect_uri(self, provider_id: str) -> str:
        if self._url is None:
            raise PublicUrlMissing(NO_URL)
        return f"{self._url}/api/v1/auth/oidc/{provider_id}/callback"

    async def _provider(self, provider_id: str) -> ProviderRow:
        found = await self._store.get(provider_id)
        if found is None or found.kind != "oidc":
            raise NotFound(NO_PROVIDER)
        return found

    async def _wanted(self, provider: ProviderRow, org: OrgId | None) -> OrgId | None:
        """Where somebody wants to sign in to. Raises `NotFound`."""
        if provider.org is not None and org not in (None, provider.org):
            raise NotFound(NO_PROVIDER)
        wanted = provider.org or org
        if wanted is not None and not await self._store.is_living(wanted):
            raise NotFound("no such organisation")
        return wanted

    async def _may(self, provider: ProviderRow, by: Principal, purpose: Purpose) -> None:
        if provider.org not in (None, by.org):
            raise NotFound(NO_PROVIDER)
        if purpose == "link":
            await self._recent.require_whole_account(by)
            async with self._store.database.tenant(by.org).transaction() as connection:
                await self._recent.require(connection, by)

    # And back

    async def finish(
        self, provider_id: str, params: Mapping[str, str], secret: str, who: Principal
    ) -> CameBack:
        """`params` are of the callback, `secret` is what the browser kept. Raises
        `SignInFailed`."""
        request = await self._store.use_request(
            hash_secret(params.get("state", "")), hash_secret(secret), provider_id
        )
        if request is None:
            raise SignInFailed("state_expired", "nothing waits for this browser")
        provider = await self._provider(provider_id)
        try:
            said, claims = await self._statements.said(
                provider, request, params, redirect_uri=self._redirect_uri(provider_id)
            )
            return await self._finish(provider, request, said, claims, who)
        except SignInFailed as failed:
            who = structs.replace(who, org=request.org or provider.org or DEFAULT_ORG)
            entry = audit_entry(
                who, f"auth.{_ACTIONS[request.purpose]}", provider_id, outcome="failed",
                reason=failed.reason,
            )  # fmt: skip
            await self._audit.note(entry)
            raise

    async def _finish(
        self,
        provider: ProviderRow,
        request: RequestRow,
        said: Statement,
        claims: dict[str, Any],
        who: Principal,
    ) -> CameBack:
        match request.purpose:
            case "sign_in":
                made = may_be_made(client_of(provider).settings, claims)
                grant = await self._vouched.sign_in(request.org, said, claims, who, create=made)
                return CameBack(request.return_to, grant)
            case "link":
                await self._link(request, said, who)
            case "reauthenticate":
                await self._reauthenticate(request, said, who)
        return CameBack(request.return_to)

    async def _link(self, request: RequestRow, said: Statement, who: Principal) -> None:
        """The identity is the person's from now on, who began it."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_identity(connection, said)
            by = await self._asker(connection, request, who)
            owner = await self._store.owner(connection, said)
            if owner == by.subject:
                return
            if owner is not None:
                raise SignInFailed("bad_answer", "the identity is of another account")
            await self._store.add_identity(connection, said, by.subject)
            await self._audit.record(
                connection,
                audit_entry(by, "auth.link", said.provider_id, subject=said.subject),
            )

    async def _reauthenticate(self, request: RequestRow, said: Statement, who: Principal) -> None:
        async with self._store.database.transaction() as connection:
            by = await self._asker(connection, request, who)
            if await self._store.owner(connection, said) != by.subject:
                raise SignInFailed("bad_answer", "it is another person who signed in")
            began = await self._store.grant(by.org, by.session_id or "")
            if began is not None and not is_same(began.said, said):
                raise SignInFailed("bad_answer", "it is another person who signed in")
            await self._sessions.authenticated(connection, by.org, by.session_id or "")
            await self._audit.record(connection, audit_entry(by, "auth.reauthenticate", by.actor))

    async def _asker(
        self, connection: Connection, request: RequestRow, who: Principal
    ) -> Principal:
        """The session that sent the browser away, locked. Raises `SignInFailed` when it has
        ended."""
        org, user_id = request.org or DEFAULT_ORG, request.user_id or ""
        locked = await self._accounts.lock_user(connection, org, user_id)
        session = await self._sessions.lock_session(connection, org, request.session_id or "")
        if locked is None or locked[0].disabled or session is None or session.user_id != user_id:
            raise SignInFailed("state_expired", "the session that asked has ended")
        return structs.replace(
            who, org=org, kind="user", subject=user_id, actor=locked[0].username,
            session_id=session.session_id,
        )  # fmt: skip


_ACTIONS: Final[dict[Purpose, str]] = {
    "sign_in": "login",
    "link": "link",
    "reauthenticate": "reauthenticate",
}
