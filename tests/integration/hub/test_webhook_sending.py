"""One attempt: where the connection goes, what is sent, and what is kept of the answer."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cloud.outward import WayOut
from hub.base.destinations import Destinations
from hub.base.outward import NamedPlaces
from hub.webhooks.records import Owner, Webhook, WebhookDelivery
from hub.webhooks.sending import WebhookSender
from hub.webhooks.store import DueWebhook
from protocol.ids import DEFAULT_ORG
from tests.acceptance.hub.receiver import ADDRESS, Receiver, answer, receiving

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ELSEWHERE = "127.0.0.3"
"""Where the hub does not go."""


def due(url: str, **headers: str) -> DueWebhook:
    webhook = Webhook(
        org=DEFAULT_ORG,
        webhook_id="w",
        version=1,
        name="w",
        url=url,
        types=None,
        query=None,
        words={},
        header_names=[],
        enabled=True,
        reason=None,
        owner=Owner("user", "u1", None),
        owner_name="anna",
        created_at=NOW,
        created_by="anna",
        updated_at=NOW,
        rotated_until=None,
        failures=0,
        failing_since=None,
        succeeded_at=None,
        gap=None,
    )
    return DueWebhook(webhook=webhook, secrets=["whsec_YQ=="], headers=headers)


DELIVERY = WebhookDelivery(
    org=DEFAULT_ORG,
    webhook_id="w",
    delivery_id="d-1",
    created_at=NOW,
    count=1,
    pending=True,
    body='{"data":[]}',
    attempts=0,
    tried_at=None,
    status=None,
    error=None,
    ms=None,
    answer=None,
    delivered_at=None,
)


@pytest_asyncio.fixture
async def sender() -> AsyncGenerator[WebhookSender]:
    transport = NamedPlaces(WayOut(), Destinations([ADDRESS]))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        yield WebhookSender(client, lambda: 1764489600.9, version="1.0")


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as receiver:
        yield receiver


class Names:
    """A name whose address is another one at each look."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        address = self._addresses.pop(0) if len(self._addresses) > 1 else self._addresses[0]
        return [(2, 1, 6, "", (address, port))]


async def listening(port: int) -> tuple[asyncio.Server, list[object]]:
    """At another address, at the same port; and who came."""
    came: list[object] = []

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        writer.close()

    return await asyncio.start_server(take, ELSEWHERE, port), came


async def test_a_name_that_changes_its_address_after_the_look_changes_nothing(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, came = await listening(receiver.port)
    names = Names(ADDRESS, ELSEWHERE)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    url = f"http://rebinding.test:{receiver.port}/hook"

    outcome = await sender.send(due(url), DELIVERY)
    assert (outcome.status, names.asked) == (200, 1)
    (received,) = receiver.received
    assert received.headers["host"] == f"rebinding.test:{receiver.port}"

    outcome = await sender.send(due(url), DELIVERY)
    assert (outcome.status, outcome.error) == (None, "address_refused")
    assert (len(receiver.received), came) == (1, [])
    server.close()
    await server.wait_closed()


async def test_no_proxy_of_the_environment_is_used(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, came = await listening(receiver.port)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{ELSEWHERE}:{receiver.port}")
    assert (await sender.send(due(receiver.url), DELIVERY)).status == 200
    assert came == []
    server.close()
    await server.wait_closed()


async def test_what_the_hub_says_is_not_what_a_header_says(
    sender: WebhookSender, receiver: Receiver
) -> None:
    given = {"User-Agent": "plant", "X-Plant": "berlin", "Accept-Encoding": "gzip"}
    await sender.send(due(receiver.url, **given), DELIVERY)
    (received,) = receiver.received
    assert received.headers["user-agent"] == "plant"
    assert received.headers["x-plant"] == "berlin"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["webhook-timestamp"] == "1764489600"
    assert received.headers["webhook-id"] == "d-1"


async def test_the_status_counts_though_the_answer_is_cut(
    sender: WebhookSender, receiver: Receiver
) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nbegun"
    receiver.says = lambda _: cut
    outcome = await sender.send(due(receiver.url), DELIVERY)
    assert (outcome.status, outcome.error, outcome.answer) == (200, None, "begun")


@pytest.mark.parametrize(
    ("said", "error"),
    [(b"HTTP/9 what\r\n\r\n", "no_answer"), (b"", "no_answer")],
)
async def test_what_is_no_http_is_no_answer(
    sender: WebhookSender, receiver: Receiver, said: bytes, error: str
) -> None:
    receiver.says = lambda _: said
    outcome = await sender.send(due(receiver.url), DELIVERY)
    assert (outcome.status, outcome.error) == (None, error)


async def test_a_wish_is_read_of_whatever_status(sender: WebhookSender, receiver: Receiver) -> None:
    receiver.says = lambda _: answer(503, "Retry-After: 7", body=b"\xff\xfe")
    outcome = await sender.send(due(receiver.url), DELIVERY)
    assert (outcome.retry_after, outcome.answer) == (7.0, "\ufffd\ufffd")


async def test_an_address_where_nobody_is_refuses_the_connection(
    sender: WebhookSender, receiver: Receiver
) -> None:
    await receiver.close()
    outcome = await sender.send(due(receiver.url), DELIVERY)
    assert (outcome.status, outcome.error) == (None, "no_connection")
