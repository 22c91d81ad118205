"""What a provider of OpenID Connect says of a person: asked with a code, and asked again later."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from msgspec import structs

from hub.accounts.oidc import Client, Denied, OidcClient, ProviderTokens
from hub.accounts.provider_store import ProviderRow, RequestRow, Statement
from hub.accounts.providers import (
    OidcSettings,
    ProviderAway,
    SignInFailed,
    check_claims,
    check_response,
    groups_of,
    settings_from,
    subject_of,
)
from hub.accounts.tokens import NoKey, verify_identity
from hub.base.errors import Unauthenticated

log = structlog.get_logger(__name__)


class OidcStatements:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(self, client: OidcClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock

    async def said(
        self,
        provider: ProviderRow,
        request: RequestRow,
        params: Mapping[str, str],
        *,
        redirect_uri: str,
    ) -> tuple[Statement, dict[str, Any]]:
        """What the provider says of a person, and all the claims. Raises `SignInFailed`."""
        client = client_of(provider)
        try:
            metadata = await self._client.metadata(client)
            tokens = await self._client.redeem(
                metadata,
                client,
                code=check_response(params, metadata),
                verifier=request.verifier,
                redirect_uri=redirect_uri,
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
        return await self.verified(client, tokens.id_token)

    async def verified(self, client: Client, token: str) -> dict[str, Any]:
        metadata = await self._client.metadata(client)
        for anew in (False, True):
            keys = await self._client.keys(metadata, anew=anew)
            try:
                return verify_identity(
                    token,
                    keys,
                    issuer=metadata.issuer,
                    client=client.settings.client_id,
                    now=self._clock(),
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

    async def still(
        self, provider: ProviderRow, client: Client, tokens: ProviderTokens, was: Statement
    ) -> Statement:
        """What the provider says now. Raises `SignInFailed`, `ProviderAway`."""
        claims: dict[str, Any] = {"sub": was.subject}
        if tokens.id_token is not None:
            claims = await self.verified(client, tokens.id_token)
            check_claims(claims, client=client.settings.client_id, nonce=None)
        now, told = await self._with_more(provider, client, tokens, claims)
        if not is_same(now, was):
            raise SignInFailed("bad_answer", "the provider tells about somebody else")
        return structs.replace(
            now,
            groups=now.groups if client.settings.groups_claim in told else was.groups,
            refresh_token=tokens.refresh_token or was.refresh_token,
        )


def client_of(provider: ProviderRow) -> Client:
    """What the hub is to a provider."""
    settings = settings_from(provider.settings, OidcSettings)
    return Client(settings, provider.secret)


def is_same(one: Statement, other: Statement) -> bool:
    """Whether both are about one person."""
    return (one.provider_id, one.issuer, one.subject) == (
        other.provider_id,
        other.issuer,
        other.subject,
    )
