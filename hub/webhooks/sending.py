"""Sends deliveries: to the address that was checked, by no proxy, and along no redirect."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import httpx
from msgspec import Struct

from cloud.outward import WayOut
from hub.base.destinations import Destinations
from hub.base.foundation import Foundation
from hub.base.outward import NamedPlaces, PlaceRefused, way_out_of
from hub.webhooks.deciding import SECONDS, AttemptOutcome, wish_of
from hub.webhooks.records import WebhookDelivery
from hub.webhooks.signing import signatures
from hub.webhooks.store import DueWebhook

MOST_ANSWER: Final = 1024
"""Bytes of an answer that are kept."""
_FAULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (PlaceRefused, "address_refused"),
    (TimeoutError, "timeout"),
    (httpx.TimeoutException, "timeout"),
    (httpx.ConnectError, "no_connection"),
)


class SignedPost(Struct, frozen=True, kw_only=True):
    """`secrets` sign, the newest first."""

    url: str
    headers: Mapping[str, str]
    secrets: Sequence[str]
    id: str
    body: str


class WebhookSender:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(
        self, client: httpx.AsyncClient, clock: Callable[[], float], *, version: str
    ) -> None:
        self._client = client
        self._clock = clock
        self._agent = f"longline/{version}"

    async def send(self, due: DueWebhook, delivery: WebhookDelivery) -> AttemptOutcome:
        """One attempt, whatever comes of it."""
        return await self.post(
            SignedPost(
                url=due.webhook.url,
                headers=due.headers,
                secrets=due.secrets,
                id=delivery.delivery_id,
                body=delivery.body or "",
            )
        )

    async def post(self, post: "SignedPost") -> AttemptOutcome:
        """The same of anything that is signed so."""
        attempt = _Attempt()
        error = None
        try:
            async with asyncio.timeout(SECONDS):
                await self._post(post, attempt)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError) as fault:
            error = _error(fault)
        return attempt.outcome(error)

    async def _post(self, post: "SignedPost", attempt: "_Attempt") -> None:
        content = post.body.encode()
        timestamp = int(self._clock())
        headers = {
            "user-agent": self._agent,
            **{name.lower(): value for name, value in post.headers.items()},
            "content-type": "application/json",
            "accept-encoding": "identity",
            "webhook-id": post.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(post.secrets, post.id, timestamp, content),
        }
        request = self._client.stream("POST", post.url, content=content, headers=headers)
        async with request as response:
            attempt.answered(response)
            async for chunk in response.aiter_raw():
                if attempt.is_full(chunk):
                    break


class _Attempt:
    """What is known of one so far: an answer counts as soon as its status is there."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._response: httpx.Response | None = None
        self._body = b""

    def answered(self, response: httpx.Response) -> None:
        self._response = response

    def is_full(self, chunk: bytes) -> bool:
        self._body = (self._body + chunk)[:MOST_ANSWER]
        return len(self._body) >= MOST_ANSWER

    def outcome(self, error: str | None) -> AttemptOutcome:
        ms = int((time.monotonic() - self._began) * 1000)
        if self._response is None:
            return AttemptOutcome(error=error or "no_answer", ms=ms)
        text = self._body.decode("utf-8", "replace").replace("\0", "\ufffd")
        return AttemptOutcome(
            status=self._response.status_code,
            ms=ms,
            answer=text,
            retry_after=wish_of(self._response.headers),
        )


def _error(fault: Exception) -> str:
    return next((code for kind, code in _FAULTS if isinstance(fault, kind)), "no_answer")


def sender_of(base: Foundation, allowed: Destinations) -> WebhookSender:
    """By no proxy: there somebody else would choose the address."""
    direct = WayOut(context=way_out_of(base.settings).context)
    transport = NamedPlaces(direct, allowed)
    client = httpx.AsyncClient(
        transport=transport, timeout=SECONDS, trust_env=False, follow_redirects=False
    )
    return WebhookSender(client, base.clock, version=base.version)
