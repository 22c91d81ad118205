"""What was delivered, as people see it; and deliveries that they ask for, and wait for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Conflict, NotFound, Overloaded
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.webhooks.batching import body_of_test, may_still
from hub.webhooks.deciding import DeliveryVerdict, verdict_of
from hub.webhooks.records import Webhook, WebhookDelivery
from hub.webhooks.seeing import OwnerSight
from hub.webhooks.sending import WebhookSender
from hub.webhooks.service import NO_WEBHOOK, WebhookService, mine
from hub.webhooks.store import WebhookStore
from protocol.ids import uuid7

NO_DELIVERY: Final = "no such delivery"
AT_ONCE: Final = 10
"""Deliveries that people wait for, of one replica."""


class DeliveryService:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(
        self,
        store: WebhookStore,
        webhooks: WebhookService,
        audit: AuditService,
        sight: OwnerSight,
        sender: WebhookSender,
        clock: Callable[[], float],
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._audit = audit
        self._sight = sight
        self._sender = sender
        self._clock = clock
        self._wake_jobs = wake_jobs
        self._sending = 0

    async def list(
        self, by: Principal, webhook_id: str, *, cursor: str | None, limit: int
    ) -> Items[WebhookDelivery]:
        """Raises `NotFound`."""
        await self._webhooks.get(by, webhook_id)
        rows = await self._store.deliveries(
            by.org, webhook_id, before=decode_cursor(cursor), limit=limit + 1
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.delivery_id), item=lambda row: row
        )

    async def test(self, by: Principal, webhook_id: str) -> WebhookDelivery:
        """Sends an event of no meaning, once, and waits for the answer. Raises `NotFound`,
        `Overloaded`."""
        webhook = mine(by, "webhooks:update", await self._webhooks.get(by, webhook_id))
        delivery_id = uuid7()
        body = body_of_test(uuid7(), datetime.fromtimestamp(self._clock(), UTC))
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.add_test(connection, webhook, delivery_id, body)
            await self._audit.record(connection, audit_entry(by, "webhook.test", webhook_id))
        return await self._send(webhook, delivery_id)

    async def redeliver(self, by: Principal, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """The same once more, by the same id. What is to be tried again anyway is due now. Raises
        `NotFound`, `Conflict`, `Overloaded`."""
        webhook = mine(by, "webhooks:update", await self._webhooks.get(by, webhook_id))
        delivery = await self._store.delivery(by.org, webhook_id, delivery_id)
        if delivery is None:
            raise NotFound(NO_DELIVERY)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if delivery.pending:
                await self._store.wake(connection, by.org, webhook_id)
            entry = audit_entry(by, "webhook.redeliver", webhook_id, deliveryId=delivery_id)
            await self._audit.record(connection, entry)
        if delivery.pending:
            self._wake_jobs()
            return delivery
        if delivery.body is None:
            raise Conflict("what was sent is not kept any more")
        seen = await self._sight.seen(
            by.org, webhook.owner, delivery.device_ids, delivery.cleared_ids
        )
        if not may_still(delivery, seen):
            raise Conflict("the owner of the webhook may not see all of it any more")
        return await self._send(webhook, delivery_id)

    async def _send(self, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
        if self._sending >= AT_ONCE:
            raise Overloaded("too many wait for the answers of webhooks")
        self._sending += 1
        try:
            return await self._send_now(webhook, delivery_id)
        finally:
            self._sending -= 1

    async def _send_now(self, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
        org, webhook_id = webhook.org, webhook.webhook_id
        due = await self._store.due(org, webhook_id)
        delivery = await self._store.delivery(org, webhook_id, delivery_id)
        if due is None or delivery is None:
            raise NotFound(NO_WEBHOOK)
        outcome = await self._sender.send(due, delivery)
        taken = verdict_of(outcome) is DeliveryVerdict.TAKEN
        now = await self._store.note_attempt(org, webhook_id, delivery_id, outcome, taken=taken)
        if taken and webhook.failures:
            async with self._store.database.tenant(org).transaction() as connection:
                await self._store.wake(connection, org, webhook_id)
            self._wake_jobs()
        return now or delivery
