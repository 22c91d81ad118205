"""What the hub asks of a provider of OpenID Connect: its configuration, its keys, tokens, and what
it knows of a person. The one module that sees Authlib."""

import asyncio
import time
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import (
    prepare_grant_uri,  # pyright: ignore[reportUnknownVariableType]
)
from authlib.oauth2.rfc7636 import (
    create_s256_code_challenge,  # pyright: ignore[reportUnknownVariableType]
)
from msgspec import Struct

from hub.accounts.providers import Metadata, OidcSettings, ProviderAway, metadata_of
from hub.base.destinations import Destinations

SECONDS: Final = 5.0
LARGEST: Final = 2**20
"""Bytes of an answer."""
KEPT_SECONDS: Final = 600.0
"""How long a configuration and keys are good."""
AGAIN_SECONDS: Final = 30.0
"""How soon keys are asked for again when a token names one that is not there."""


class Denied(Exception):
    """The provider says no to a code or a refresh token: `error` as RFC 6749, 5.2, has it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class ProviderTokens(Struct, frozen=True):
    """Of a provider."""

    id_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return "ProviderTokens()"


class Client(Struct, frozen=True):
    """Who we are at a provider."""

    settings: OidcSettings
    secret: str | None

    def __repr__(self) -> str:
        return f"Client({self.settings.issuer})"


class _Kept(Struct):
    at: float
    value: Any


class OidcClient:
    """`http` goes only where `allowed` says."""

    def __init__(self, http: httpx.AsyncClient, allowed: Destinations) -> None:
        self._http = http
        self._allowed = allowed
        self._kept: dict[str, _Kept] = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def metadata(self, client: Client) -> Metadata:
        """Raises `ProviderAway`."""
        issuer = client.settings.issuer
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        return metadata_of(await self._kept_json(url, KEPT_SECONDS), issuer, self._allowed)

    async def keys(self, metadata: Metadata, *, anew: bool = False) -> dict[str, Any]:
        """Its JSON Web Key Set; `anew` for a token that names a key which is not in it. Raises
        `ProviderAway`."""
        found = await self._kept_json(metadata.jwks_uri, AGAIN_SECONDS if anew else KEPT_SECONDS)
        return _object(found)

    def page(
        self,
        metadata: Metadata,
        client: Client,
        *,
        state: str,
        nonce: str,
        verifier: str,
        redirect_uri: str,
        reauthenticate: bool = False,
    ) -> str:
        """Where a person signs in; `reauthenticate`: anew, whatever the provider remembers."""
        anew = {"prompt": "login", "max_age": "0"} if reauthenticate else {}
        challenge = str(create_s256_code_challenge(verifier))  # pyright: ignore[reportUnknownArgumentType]
        page = prepare_grant_uri(  # pyright: ignore[reportUnknownVariableType]
            metadata.authorization_endpoint,
            client_id=client.settings.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=client.settings.scopes,
            state=state,
            nonce=nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
            **anew,
        )
        return str(page)  # pyright: ignore[reportUnknownArgumentType]

    async def redeem(
        self, metadata: Metadata, client: Client, *, code: str, verifier: str, redirect_uri: str
    ) -> ProviderTokens:
        """The tokens of a code. Raises `Denied`, `ProviderAway`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return await self._tokens(metadata, client, form)

    async def refresh(
        self, metadata: Metadata, client: Client, refresh_token: str
    ) -> ProviderTokens:
        """Raises `Denied`, `ProviderAway`."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._tokens(metadata, client, form)

    async def userinfo(self, metadata: Metadata, tokens: ProviderTokens) -> dict[str, Any]:
        """What it knows of the person beside the identity token; nothing where it says no. Raises
        `ProviderAway`."""
        if metadata.userinfo_endpoint is None or tokens.access_token is None:
            return {}
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        answer = await self._ask("GET", metadata.userinfo_endpoint, headers=headers)
        return _object(_json(answer)) if answer.status == 200 else {}

    async def _tokens(
        self, metadata: Metadata, client: Client, form: dict[str, str]
    ) -> ProviderTokens:
        client_id, auth = client.settings.client_id, None
        methods = metadata.token_endpoint_auth_methods_supported
        if client.secret is None:
            form["client_id"] = client_id
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            auth = (quote_plus(client_id), quote_plus(client.secret))
        else:
            form |= {"client_id": client_id, "client_secret": client.secret}
        answer = await self._ask("POST", metadata.token_endpoint, data=form, auth=auth)
        found = _json(answer)
        if answer.status in (400, 401, 403):
            raise Denied(str(_object(found).get("error"))[:64])
        try:
            return msgspec.convert(found, ProviderTokens)
        except msgspec.ValidationError:
            raise ProviderAway("its tokens do not fit") from None

    async def _kept_json(self, url: str, seconds: float) -> object:
        kept, now = self._kept.get(url), time.monotonic()
        if kept is None or now - kept.at > seconds:
            answer = await self._ask("GET", url)
            if answer.status != 200:
                raise ProviderAway(f"it answers {answer.status}")
            self._kept[url] = kept = _Kept(now, _json(answer))
            if len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return kept.value

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> "_Answer":
        """Raises `ProviderAway`, also for a failure of its own."""
        asked = {"Accept": "application/json", **(headers or {})}
        try:
            async with (
                asyncio.timeout(2 * SECONDS),
                self._http.stream(method, url, data=data, headers=asked, auth=auth) as response,
            ):
                answer = _Answer(response.status_code, await _read(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ProviderAway(f"it does not answer ({type(error).__name__})") from None
        if answer.status >= 500 or answer.status == 429:
            raise ProviderAway(f"it answers {answer.status}")
        return answer


_MOST_KEPT: Final = 200


class _Answer(Struct, frozen=True):
    status: int
    content: bytes


async def _read(response: httpx.Response) -> bytes:
    """The whole body, within a bound."""
    size, chunks = 0, list[bytes]()
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > LARGEST:
            raise OSError("the answer is too large")
        chunks.append(chunk)
    return b"".join(chunks)


def _object(found: object) -> dict[str, Any]:
    try:
        return msgspec.convert(found, dict[str, Any])
    except msgspec.ValidationError:
        raise ProviderAway("its answer is no object") from None


def _json(answer: _Answer) -> object:
    try:
        return msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderAway("its answer is no JSON") from None
