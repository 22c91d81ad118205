"""Raises alerts by rules."""

from typing import Final

from hub.accounts.service import AccountService, VersionChange
from hub.alerts.service import AlertService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from hub.rules.keeping import RuleKeeper
from hub.rules.previewing import RulePreview
from hub.rules.raising import Notifier, Raising
from hub.rules.rest import RuleEndpoints
from hub.rules.seeing import RuleSight
from hub.rules.service import RuleService
from hub.rules.store import RuleStore
from hub.rules.suspending import RuleSuspending
from hub.rules.sweeping import SWEEP_SECONDS, RuleSweep
from hub.telemetry.writer import TelemetryWriter

SIGHT_SECONDS: Final = 2.0
"""Between two looks at what owners may see, and for rules that could not be loaded."""
RELOAD_SECONDS: Final = 600.0
"""Where this replica was never told that rules had changed."""


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    queries: QueryService,
    rights: RightsMemory,
    alerts: AlertService,
    notifier: Notifier,
) -> Capability:
    store, sight = RuleStore(base.database), RuleSight(rights)
    raising = Raising(store, alerts, notifier)
    keeper = RuleKeeper(store, sight, raising)
    sweep = RuleSweep(
        store, keeper, raising, RuleSuspending(store, sight, alerts, telemetry),
        drain_seconds=base.settings.drain_seconds,
    )  # fmt: skip
    service = RuleService(store, audit, queries, rights, sight, alerts, load=keeper.load)

    def changed(changes: list[VersionChange]) -> None:
        for org in keeper.changed(changes):
            base.spawn(keeper.load(org))

    accounts.on_change(changed)
    telemetry.taps.judge = keeper
    return Capability(
        endpoints=(RuleEndpoints(service, RulePreview(store, queries, base.clock)),),
        prepare=(keeper.load,),
        timers=(Timer(SIGHT_SECONDS, keeper.look), Timer(RELOAD_SECONDS, keeper.load)),
        jobs=(every(SWEEP_SECONDS, "rule_sweep", lambda _: sweep.look()),),
        clean_up=lambda _: store.forget_away(),
    )
