"""Rules whose owner may not have them any more raise nothing, and say so."""

from typing import Final

import structlog

from hub.alerts.service import AlertService
from hub.rules.records import AlertRule
from hub.rules.seeing import RuleSight, may_have
from hub.rules.store import RuleStore
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

CODE: Final = "owner_lacks_right"
SEVERITY: Final[Severity] = "WARN"


class RuleSuspending:
    def __init__(
        self,
        store: RuleStore,
        sight: RuleSight,
        alerts: AlertService,
        telemetry: TelemetryWriter,
    ) -> None:
        self._store = store
        self._sight = sight
        self._alerts = alerts
        self._telemetry = telemetry

    async def look(self) -> None:
        """Raises `Unavailable`."""
        for rule in await self._store.at_work(None):
            if not may_have(await self._sight.holding(rule.org, rule.owner)):
                await self._suspend(rule)

    async def _suspend(self, rule: AlertRule) -> None:
        """With what it has raised, which nobody sees to any more."""
        async with self._store.database.transaction() as connection:
            if not await self._store.suspend(connection, rule):
                return
            log.warning("rule_suspended", rule=rule.rule_id)
            ended = await self._store.end_all(connection, rule.org, rule.rule_id)
            await self._alerts.tell(connection, ended)
            alert = AlertEvent(
                device_id=None,
                ts=self._telemetry.now(),
                severity=SEVERITY,
                code=CODE,
                message=f"the rule {rule.name} is suspended: its owner is gone, or may not have it "
                "any more",
            )
            await self._telemetry.raise_alert(
                connection, rule.org, alert, subject=f"rule:{rule.rule_id}"
            )
