"""Asks an issuer for tokens, and whoever gives the release token. Decides nothing about when."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import httpx

from cloud.bounded import ask
from cloud.outward import is_in_clear
from device.base.broker_settings import BrokerClient, BrokerSettings, is_url
from device.broker.answers import (
    WELL_KNOWN,
    Discovered,
    Issued,
    NothingToAskWith,
    NoToken,
    Reply,
    discovered,
    granted,
    moment_of,
    released,
)
from device.broker.boottime import boottime
from device.broker.credential_files import credentials_of
from device.broker.lifetime import APART_SECONDS
from device.broker.outbound import SECONDS, Outbound
from device.broker.proof import Way, method_of, posted, refused, worked
from device.broker.skew import IssuerClock

MOST_BYTES: Final = 64 * 1024
REDISCOVER_SECONDS: Final = 3600.0

Sent = Callable[[], Awaitable[None]]
"""Called before each request of a token."""


class IssuedBy(Protocol):
    """Where one token comes from."""

    way: Way

    async def fetch(self, sent: Sent) -> Issued:
        """Raises `NoToken`."""
        ...


class Issuer:
    def __init__(self, settings: BrokerSettings, outbound: Outbound, *, insecure: bool) -> None:
        self._settings = settings
        self._outbound = outbound
        self._insecure = insecure
        self._turn = asyncio.Lock()
        self._found: Discovered | None = None
        self._failure = ""
        self._looked = 0.0
        self._look_at = 0.0
        self.clock: Final = IssuerClock()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Reply:
        """Also what time it is there. Raises `NoToken` when no answer comes."""
        reply, date = await asked(self._outbound, method, url, headers=headers, form=form)
        moment = moment_of(date)
        if moment is not None:
            self.clock.heard(moment, boottime())
        return reply

    def wall(self) -> float:
        """By the issuer's clock, if it has said, in seconds since the epoch."""
        return self.clock.time(boottime()) or time.time()

    async def where(self) -> Discovered:
        """Where it is asked for tokens, and how. Raises `NoToken`."""
        if self._settings.token_url is not None:
            return Discovered(
                self._settings.token_url,
                token_endpoint_auth_methods_supported=("client_secret_basic", "client_secret_post"),
            )
        async with self._turn:
            return await self._discover(self._settings.issuer or "")

    def look_again(self) -> None:
        """What it said of itself may be out of date."""
        self._look_at = min(self._look_at, self._looked + APART_SECONDS)

    async def _discover(self, issuer: str) -> Discovered:
        if boottime() >= self._look_at:
            await self._look(issuer)
        if self._found is None:
            raise NoToken(self._failure)
        return self._found

    async def _look(self, issuer: str) -> None:
        """What it said before goes on to count when it says nothing now."""
        self._looked = boottime()
        try:
            reply = await self.ask("GET", issuer.rstrip("/") + WELL_KNOWN)
            found = discovered(reply, issuer)
            self._check(found)
        except NoToken as error:
            self._failure = error.message
            self._look_at = self._looked + APART_SECONDS
        else:
            self._found = found
            self._look_at = self._looked + REDISCOVER_SECONDS

    def _check(self, found: Discovered) -> None:
        """Raises `NoToken`."""
        if not is_url(found.token_endpoint):
            raise NoToken("the issuer's token_endpoint is no URL")
        if is_in_clear(found.token_endpoint) and not self._insecure:
            raise NoToken("the issuer's token_endpoint is not encrypted")


class ClientSource:
    def __init__(self, client: BrokerClient, issuer: Issuer, credentials: Path) -> None:
        self._client = client
        self._issuer = issuer
        self._credentials = credentials
        self.way = Way()

    async def fetch(self, sent: Sent) -> Issued:
        try:
            return await self._fetch(sent)
        except NoToken as error:
            if error.status in (0, 404):
                self._issuer.look_again()
            raise

    async def _fetch(self, sent: Sent) -> Issued:
        credentials = await asyncio.to_thread(credentials_of, self._client, self._credentials)
        where = await self._issuer.where()
        while True:
            method = method_of(self._client, self.way, where.token_endpoint_auth_methods_supported)
            request = posted(
                self._client,
                credentials,
                method,
                url=where.token_endpoint,
                wall=self._issuer.wall(),
                nonce=secrets.token_urlsafe(16),
            )
            await sent()
            reply = await self._issuer.ask(
                "POST", where.token_endpoint, headers=request.headers, form=request.form
            )
            try:
                issued = granted(reply)
            except NoToken as error:
                self.way, at_once = refused(self._client, self.way, method, error)
                if not at_once:
                    raise
            else:
                self.way = worked(method)
                return issued


class ReleaseSource:
    def __init__(
        self,
        url: str,
        outbound: Outbound,
        *,
        own: str,
        token: Callable[[str], str | None],
        came: asyncio.Event,
    ) -> None:
        """`own`: the client whose token asks; `token`: of a client, where it has one; `came` is
        set when one of `own` has come."""
        self._url = url
        self._outbound = outbound
        self._own = own
        self._token = token
        self._came = came
        self.way = Way()

    async def fetch(self, sent: Sent) -> Issued:
        token = await self._token_of_own()
        await sent()
        headers = {"Authorization": f"Bearer {token}"}
        reply, _ = await asked(self._outbound, "GET", self._url, headers=headers)
        return released(reply)

    async def _token_of_own(self) -> str:
        """At a start it is on its way. Raises `NothingToAskWith`."""
        if self._token(self._own) is None:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await self._came.wait()
        token = self._token(self._own)
        if token is None:
            raise NothingToAskWith(f"there is no token of {self._own} to ask with")
        return token


async def asked(
    outbound: Outbound,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> tuple[Reply, str | None]:
    """The answer, and its `Date`. Raises `NoToken` when none comes."""
    try:
        async with asyncio.timeout(SECONDS):
            answer = await ask(
                outbound.to(url), method, url, most=MOST_BYTES, headers=headers, data=form
            )
    except TimeoutError:
        raise NoToken(f"no answer within {SECONDS:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoToken(f"no answer: {type(error).__name__}") from None
    reply = Reply(
        status=answer.status_code,
        media=answer.headers.get("content-type"),
        body=answer.content,
        after=_after(answer.headers.get("retry-after", "")),
    )
    return reply, answer.headers.get("date")


def _after(value: str) -> float:
    """Of the two forms of `Retry-After` the one that machines send."""
    return float(value) if value.isdecimal() and len(value) < 9 else 0.0
