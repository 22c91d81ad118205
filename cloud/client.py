"""One client of the cloud: a bearer token that is there when it is needed, and one request."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote_plus

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from cloud.access import Access, Grant, granted
from cloud.api import Answer, Item, body_of, heard, path_of
from cloud.bounded import post
from cloud.outward import WayOut
from protocol.edge import Kind

SECONDS: Final = 10.0
"""For one request, everything included; whoever holds a lease relies on it."""
ATTEMPTS: Final = 2
"""A kept connection that the peer has closed meanwhile is no failure yet."""


class NoToken(Exception):
    """The issuer gives none; the message holds no secret."""


class CloudClient:
    """Give it `async with`. `clock` is monotonic."""

    def __init__(
        self,
        access: Access,
        *,
        agent: str,
        way_out: WayOut,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._clock = clock
        self._grant: Grant | None = None
        self._fetching = asyncio.Lock()
        self._http = httpx.AsyncClient(
            timeout=SECONDS,
            headers={"User-Agent": agent},
            **way_out.options(*filter(None, (access.url, access.token_url))),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, company_id: str, kind: Kind, items: Sequence[Item]) -> Answer:
        """One request; what went wrong on the way is an answer without status."""
        url = self._access.url.rstrip("/") + path_of(company_id, kind)
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._post(url, await self._token(), body_of(items))
        except NoToken as error:
            return Answer(None, str(error))
        except TimeoutError:
            return Answer(None, f"no answer within {SECONDS:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(None, type(error).__name__)
        return heard(
            answer.status_code,
            media=answer.headers.get("content-type"),
            body=answer.content,
            retry_after=_retry_after(answer.headers),
        )

    def forget_token(self) -> None:
        """The cloud refused it: fetch a new one, where that is how tokens come."""
        self._grant = None

    async def _post(self, url: str, token: str, body: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async for attempt in _again():
            with attempt:
                return await post(self._http, url, content=body, headers=headers)
        raise AssertionError("the last attempt raises")

    async def _token(self) -> str:
        """Raises `NoToken`."""
        if not self._access.token_url:
            return self._access.token
        async with self._fetching:
            if self._grant is None or self._clock() >= self._grant.fresh_until:
                self._grant = await self._fetch()
            return self._grant.token

    async def _fetch(self) -> Grant:
        """Some issuers want the client's secret in a header (every one should know that), some in
        the form."""
        try:
            answer = await self._ask_issuer(in_header=True)
            if answer.status_code in (400, 401):
                answer = await self._ask_issuer(in_header=False)
        except httpx.HTTPError as error:
            raise NoToken(f"no token: {type(error).__name__}") from None
        grant = granted(answer.content, self._clock()) if answer.is_success else None
        if grant is None:
            raise NoToken(f"no token: the issuer answered {answer.status_code}")
        return grant

    async def _ask_issuer(self, *, in_header: bool) -> httpx.Response:
        access = self._access
        form = {"grant_type": "client_credentials"}
        if in_header:
            # RFC 6749, 2.3.1: both are form-encoded first.
            basic = httpx.BasicAuth(quote_plus(access.client_id), quote_plus(access.client_secret))
            return await post(self._http, access.token_url, data=form, auth=basic)
        form |= {"client_id": access.client_id, "client_secret": access.client_secret}
        return await post(self._http, access.token_url, data=form)


def _again() -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=0.5),
        retry=retry_if_exception_type((httpx.RemoteProtocolError, httpx.ConnectError)),
        reraise=True,
    )


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds; of the two forms of `Retry-After` the one that machines send."""
    value = headers.get("retry-after", "")
    return float(value) if value.isdecimal() and len(value) < 9 else 0.0
