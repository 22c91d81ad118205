"""Signing in by OpenID Connect: a browser is sent to a provider, and comes back with a code."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from msgspec import Struct, structs

from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.oidc import Client, Denied, OidcClient, ProviderTokens
from hub.accounts.provider_service import NO_PROVIDER, NO_URL
from hub.accounts.provider_store import (
    ProviderRow,
    ProviderStore,
    Purpose,
    RequestRow,
    Statement,
)
from hub.accounts.providers import (
    OidcSettings,
    ProviderAway,
    SignInFailed,
    check_claims,
    check_response,
    ended_by,
    groups_of,
    may_be_made,
    return_to,
    settings_from,
    subject_of,
)
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService, SignIn
from hub.accounts.store import AccountStore
from hub.accounts.tokens import REFUSAL, NoKey, hash_secret, new_secret, verify_identity
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
        people: AccountService,
        sessions: SessionService,
        audit: AuditService,
        client: OidcClient,
        vouched: VouchedAccounts,
        directories: DirectorySignIn,
        *,
        url: str | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._people = people
        self._sessions = sessions
        self._audit = audit
        self._client = client
        self._vouched = vouched
        self._directories = directories
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
        client = _client_of(provider)
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
            await self._sessions.require_whole_account(by)
            async with self._store.database.tenant(by.org).transaction() as connection:
                await self._sessions.require_recent(connection, by)

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
            said, claims = await self._said(provider, request, params)
            return await self._finish(provider, request, said, claims, who)
        except SignInFailed as failed:
            who = structs.replace(who, org=request.org or provider.org or DEFAULT_ORG)
            entry = audit_entry(
                who, f"auth.{_ACTIONS[request.purpose]}", provider_id, outcome="failed",
                reason=failed.reason,
            )  # fmt: skip
            await self._audit.note(entry)
            raise

    async def _said(
        self, provider: ProviderRow, request: RequestRow, params: Mapping[str, str]
    ) -> tuple[Statement, dict[str, Any]]:
        """What the provider says of a person, and all the claims. Raises `SignInFailed`."""
        client = _client_of(provider)
        try:
            metadata = await self._client.metadata(client)
            tokens = await self._client.redeem(
                metadata,
                client,
                code=check_response(params, metadata),
                verifier=request.verifier,
                redirect_uri=self._redirect_uri(provider.provider_id),
            )
            claims = await self._identity(client, tokens)
            asked = request.seconds if request.purpose == "reauthenticate" else None
            check_claims(claims, client=client.settings.client_id, nonce=request.nonce, asked=asked)
            return await self._with_more(provider, client, tokens, claims)
        except ProviderAway as away:
            log.warning("provider_away", provider=provider.provider_id, why=str(away))
            raise SignInFailed("provider_unavailable", str(away)) from None
        except Denied as denied:
            raise SignInFailed("bad_answer", f"the provider says {denied.error}") from None

    async def _identity(self, client: Client, tokens: ProviderTokens) -> dict[str, Any]:
        """The claims of an identity token. Raises `SignInFailed`, `ProviderAway`."""
        if tokens.id_token is None:
            raise SignInFailed("bad_answer", "there is no identity token")
        return await self._verified(client, tokens.id_token)

    async def _verified(self, client: Client, token: str) -> dict[str, Any]:
        metadata = await self._client.metadata(client)
        for anew in (False, True):
            keys = await self._client.keys(metadata, anew=anew)
            try:
                return verify_identity(
                    token,
                    keys,
                    issuer=metadata.issuer,
                    client=client.settings.client_id,
                    now=self._people.clock(),
                )
            except NoKey:
                continue
            except Unauthenticated as refused:
                raise SignInFailed("bad_answer", refused.detail) from None
        raise SignInFailed("bad_answer", "the token names a key that the provider does not have")

    async def _with_more(
        self, provider: ProviderRow, client: Client, tokens: ProviderTokens, claims: dict[str, Any]
    ) -> tuple[Statement, dict[str, Any]]:
        """With what the provider tells beside the identity token: many tell groups only there."""
        metadata = await self._client.metadata(client)
        subject = subject_of(claims)
        more = await self._client.userinfo(metadata, tokens)
        if more and more.get("sub") != subject:
            raise SignInFailed("bad_answer", "the provider tells about somebody else")
        claims = {**more, **claims}
        sid = claims.get("sid")
        said = Statement(
            provider_id=provider.provider_id,
            issuer=metadata.issuer,
            subject=subject,
            groups=groups_of(claims, client.settings.groups_claim),
            sid=sid if isinstance(sid, str) else None,
            refresh_token=tokens.refresh_token,
            hours=client.settings.session_hours,
        )
        return said, claims

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
                made = may_be_made(_client_of(provider).settings, claims)
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
            if began is not None and not _is_same(began.said, said):
                raise SignInFailed("bad_answer", "it is another person who signed in")
            await self._accounts.authenticated(connection, by.org, by.session_id or "")
            await self._audit.record(connection, audit_entry(by, "auth.reauthenticate", by.actor))

    async def _asker(
        self, connection: Connection, request: RequestRow, who: Principal
    ) -> Principal:
        """The session that sent the browser away, locked. Raises `SignInFailed` when it has
        ended."""
        org, user_id = request.org or DEFAULT_ORG, request.user_id or ""
        locked = await self._accounts.lock_user(connection, org, user_id)
        session = await self._accounts.lock_session(connection, org, request.session_id or "")
        if locked is None or locked[0].disabled or session is None or session.user_id != user_id:
            raise SignInFailed("state_expired", "the session that asked has ended")
        return structs.replace(
            who, org=org, kind="user", subject=user_id, actor=locked[0].username,
            session_id=session.session_id,
        )  # fmt: skip

    # Later

    async def check(self, token_hash: bytes) -> None:
        """Before a refresh token counts: whether who began the session may still sign in, by the
        provider. A provider that does not answer ends nothing."""
        due = await self._store.claim_check(token_hash)
        provider = None if due is None else await self._store.get(due.said.provider_id)
        if due is None or provider is None:
            return
        if provider.kind == "ldap":
            await self._directories.check(provider, due)
            return
        client, said = _client_of(provider), due.said
        try:
            metadata = await self._client.metadata(client)
            tokens = await self._client.refresh(metadata, client, said.refresh_token or "")
            now = await self._still(provider, client, tokens, said)
        except ProviderAway as away:
            log.warning("provider_away", provider=provider.provider_id, why=str(away))
            return
        except Denied as denied:
            if denied.error != "invalid_grant":
                log.warning("provider_denies", provider=provider.provider_id, why=denied.error)
                return
            now = None
        except SignInFailed:
            now = None
        await self._vouched.settle(due.grant_id, said, now)

    async def _still(
        self, provider: ProviderRow, client: Client, tokens: ProviderTokens, was: Statement
    ) -> Statement:
        """What the provider says now. Raises `SignInFailed`, `ProviderAway`."""
        claims: dict[str, Any] = {"sub": was.subject}
        if tokens.id_token is not None:
            claims = await self._verified(client, tokens.id_token)
            check_claims(claims, client=client.settings.client_id, nonce=None)
        now, told = await self._with_more(provider, client, tokens, claims)
        if not _is_same(now, was):
            raise SignInFailed("bad_answer", "the provider tells about somebody else")
        return structs.replace(
            now,
            groups=now.groups if client.settings.groups_claim in told else was.groups,
            refresh_token=tokens.refresh_token or was.refresh_token,
        )

    async def logout(self, provider_id: str, token: str) -> None:
        """OpenID Connect Back-Channel Logout 1.0. Raises `SignInFailed`, `NotFound`."""
        provider = await self._provider(provider_id)
        try:
            claims = await self._verified(_client_of(provider), token)
        except ProviderAway as away:
            raise SignInFailed("provider_unavailable", str(away)) from None
        subject, sid = ended_by(claims)
        await self._vouched.end(provider_id, subject=subject, sid=sid)


_ACTIONS: Final[dict[Purpose, str]] = {
    "sign_in": "login",
    "link": "link",
    "reauthenticate": "reauthenticate",
}


def _client_of(provider: ProviderRow) -> Client:
    settings = settings_from(provider.settings, OidcSettings)
    return Client(settings, provider.secret)


def _is_same(one: Statement, other: Statement) -> bool:
    return (one.provider_id, one.issuer, one.subject) == (
        other.provider_id,
        other.issuer,
        other.subject,
    )
