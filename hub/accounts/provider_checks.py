"""Whether those who began a session by a provider may still sign in, as it says later."""

import structlog

from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.oidc import Denied, OidcClient
from hub.accounts.oidc_statements import OidcStatements, client_of
from hub.accounts.provider_service import NO_PROVIDER
from hub.accounts.provider_store import ProviderStore
from hub.accounts.providers import ProviderAway, SignInFailed, ended_by
from hub.accounts.vouched_accounts import VouchedAccounts
from hub.base.errors import NotFound

log = structlog.get_logger(__name__)


class ProviderChecks:
    def __init__(
        self,
        store: ProviderStore,
        client: OidcClient,
        statements: OidcStatements,
        vouched: VouchedAccounts,
        directories: DirectorySignIn,
    ) -> None:
        self._store = store
        self._client = client
        self._statements = statements
        self._vouched = vouched
        self._directories = directories

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
        client, said = client_of(provider), due.said
        try:
            metadata = await self._client.metadata(client)
            tokens = await self._client.refresh(metadata, client, said.refresh_token or "")
            now = await self._statements.still(provider, client, tokens, said)
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

    async def logout(self, provider_id: str, token: str) -> None:
        """OpenID Connect Back-Channel Logout 1.0. Raises `SignInFailed`, `NotFound`."""
        provider = await self._store.get(provider_id)
        if provider is None or provider.kind != "oidc":
            raise NotFound(NO_PROVIDER)
        try:
            claims = await self._statements.verified(client_of(provider), token)
        except ProviderAway as away:
            raise SignInFailed("provider_unavailable", str(away)) from None
        subject, sid = ended_by(claims)
        await self._vouched.end(provider_id, subject=subject, sid=sid)
