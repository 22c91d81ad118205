"""Webhooks that the hub disables, and who hears of it."""

from typing import Final

import structlog

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.principal import Principal
from hub.telemetry.writer import TelemetryWriter
from hub.webhooks.records import Reason, Webhook
from hub.webhooks.store import WebhookStore
from protocol.dashboard import AlertEvent
from protocol.ids import OrgId
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

SEVERITY: Final[Severity] = "WARN"
_CODES: Final[dict[Reason, str]] = {
    "gone": "webhook_disabled",
    "no_success": "webhook_disabled",
    "owner_lacks_right": "owner_lacks_right",
}
_MESSAGES: Final[dict[Reason, str]] = {
    "gone": "its address answers 410: nobody wants it there any more",
    "no_success": "its address took nothing for three days",
    "owner_lacks_right": "its owner is gone, or may not have it any more",
}


class Disabling:
    def __init__(
        self, store: WebhookStore, audit: AuditService, telemetry: TelemetryWriter
    ) -> None:
        self._store = store
        self._audit = audit
        self._telemetry = telemetry

    async def disable(
        self, connection: Connection, org: OrgId, webhook_id: str, reason: Reason
    ) -> None:
        """In this transaction, with the alert for other webhooks; dashboards hear of it after."""
        webhook = await self._store.disable(connection, org, webhook_id, reason)
        if webhook is None:
            return
        log.warning("webhook_disabled", webhook=webhook_id, reason=reason)
        await self._audit.record(
            connection, audit_entry(_the_hub(webhook), "webhook.disable", webhook_id, why=reason)
        )
        alert = AlertEvent(
            device_id=None,
            ts=self._telemetry.now(),
            severity=SEVERITY,
            code=_CODES[reason],
            message=f"the webhook {webhook.name} is disabled: {_MESSAGES[reason]}",
        )
        await self._telemetry.raise_alert(connection, org, alert, subject=f"webhook:{webhook_id}")


def _the_hub(webhook: Webhook) -> Principal:
    return Principal(org=webhook.org, kind="hub", subject="", actor=webhook.owner_name)
