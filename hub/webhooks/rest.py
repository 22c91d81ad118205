"""`/webhooks`, and what was delivered to each."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.audit.entries import HIDDEN
from hub.base.paging import Items
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from hub.webhooks.deliveries import DeliveryService
from hub.webhooks.records import Reason, Webhook, WebhookDelivery, WebhookType
from hub.webhooks.service import GivenWebhook, WebhookService
from protocol.codec import at, rfc3339

Url = Annotated[str, Meta(min_length=1, max_length=2048)]
HeaderValue = Annotated[str, Meta(max_length=4096)]


class WebhookBody(Body, frozen=True):
    """`types` null: command_result, alert, deployment, and of status what the hub says itself of
    lines that open and close. `headers` absent: those there are; `hidden` stands for the value that
    a header has."""

    name: Text
    url: Url
    types: Annotated[list[WebhookType], Meta(min_length=1, max_length=64)] | None = None
    query: Annotated[str, Meta(min_length=1)] | None = None
    headers: dict[str, HeaderValue] | None = None
    enabled: bool = True


class WebhookOwnerBody(Body, frozen=True):
    user_id: Text


class WebhookItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    url: str
    types: list[WebhookType] | None
    query: str | None
    headers: dict[str, str]
    """Their values are hidden."""
    enabled: bool
    reason: Reason | None
    """Why the hub has disabled it."""
    owner: str
    """It sees what they may see."""
    version: int
    created_at: str
    created_by: str
    updated_at: str
    failures: int
    """In a row."""
    failing_since: str | None
    succeeded_at: str | None
    rotated_until: str | None
    """Until when the former secret signs too."""
    secret: str | UnsetType = UNSET
    """Shown once."""


class DeliveryItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    """Its `webhook-id`."""
    at: str
    """When it was made."""
    count: int
    """Of its events."""
    attempts: int
    tried_at: str | None
    """The last attempt; what follows is of that one."""
    status: int | None
    """Of the answer; null where there was none."""
    error: str | None
    """Why there was none."""
    ms: int | None
    answer: str | None
    """The first 1 KiB of it."""
    delivered_at: str | None
    pending: bool
    """It will be tried again."""


class WebhookEndpoints:
    def __init__(self, service: WebhookService, deliveries: DeliveryService) -> None:
        self._service = service
        self._deliveries = deliveries

    async def list(self, call: Call[ListQuery, None]) -> Items[WebhookItem]:
        page = await self._service.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_item(row) for row in page.items], page.next)

    async def create(self, call: Call[None, WebhookBody]) -> Answer:
        made, secret = await self._service.create(call.principal, _given(call.body))
        location = f"/api/v1/webhooks/{made.webhook_id}"
        return Answer(_item(made, secret), status=201, location=location)

    async def get(self, call: Call[None, None]) -> WebhookItem:
        return _item(await self._service.get(call.principal, call.path("id")))

    async def replace(self, call: Call[None, WebhookBody]) -> WebhookItem:
        given = _given(call.body)
        return _item(await self._service.replace(call.principal, call.path("id"), given))

    async def give(self, call: Call[None, WebhookOwnerBody]) -> WebhookItem:
        user_id = call.body.user_id
        return _item(await self._service.give_to(call.principal, call.path("id"), user_id))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def rotate(self, call: Call[None, None]) -> WebhookItem:
        return _item(*await self._service.rotate(call.principal, call.path("id")))

    async def test(self, call: Call[None, None]) -> DeliveryItem:
        return _delivery(await self._deliveries.test(call.principal, call.path("id")))

    async def deliveries(self, call: Call[ListQuery, None]) -> Items[DeliveryItem]:
        page = await self._deliveries.list(
            call.principal, call.path("id"), cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_delivery(row) for row in page.items], page.next)

    async def redeliver(self, call: Call[None, None]) -> DeliveryItem:
        delivery = await self._deliveries.redeliver(
            call.principal, call.path("id"), call.path("delivery_id")
        )
        return _delivery(delivery)


def _given(body: WebhookBody) -> GivenWebhook:
    return GivenWebhook(
        name=body.name,
        url=body.url,
        types=body.types,
        query=body.query,
        headers=body.headers,
        enabled=body.enabled,
    )


def _item(row: Webhook, secret: str | UnsetType = UNSET) -> WebhookItem:
    return WebhookItem(
        id=row.webhook_id,
        name=row.name,
        url=row.url,
        types=row.types,
        query=row.query,
        headers=dict.fromkeys(row.header_names, HIDDEN),
        enabled=row.enabled,
        reason=row.reason,
        owner=row.owner_name,
        version=row.version,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
        failures=row.failures,
        failing_since=at(row.failing_since),
        succeeded_at=at(row.succeeded_at),
        rotated_until=at(row.rotated_until),
        secret=secret,
    )


def _delivery(row: WebhookDelivery) -> DeliveryItem:
    return DeliveryItem(
        id=row.delivery_id,
        at=rfc3339(row.created_at),
        count=row.count,
        attempts=row.attempts,
        tried_at=at(row.tried_at),
        status=row.status,
        error=row.error,
        ms=row.ms,
        answer=row.answer,
        delivered_at=at(row.delivered_at),
        pending=row.pending,
    )
