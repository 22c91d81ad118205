"""Delivers events to addresses that organisations name."""

from typing import Final

from hub.accounts.service import AccountService, VersionChange
from hub.audit.service import AuditService
from hub.base.destinations import Destinations
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from hub.telemetry.writer import TelemetryWriter
from hub.webhooks.deliveries import DeliveryService
from hub.webhooks.delivering import Deliverer
from hub.webhooks.disabling import Disabling
from hub.webhooks.keeping import WebhookKeeper
from hub.webhooks.rest import WebhookEndpoints
from hub.webhooks.seeing import OwnerSight
from hub.webhooks.sending import sender_of
from hub.webhooks.service import WebhookService
from hub.webhooks.store import WebhookStore
from hub.webhooks.watching import LOOK_SECONDS, WebhookWatch

SIGHT_SECONDS: Final = 2.0
"""Between two looks at what owners may see."""
RELOAD_SECONDS: Final = 600.0
"""Where a look at the webhooks failed when they had changed."""


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    accounts: AccountService,
    queries: QueryService,
    rights: RightsMemory,
) -> Capability:
    store, sight = WebhookStore(base.database, base.vault), OwnerSight(rights)
    disabling = Disabling(store, audit, telemetry)
    watch = WebhookWatch(store, sight, disabling, wake_jobs=base.wake_jobs)
    keeper = WebhookKeeper(store, sight, watch.wake)
    allowed = Destinations(base.settings.webhook_allow)
    sender = sender_of(base, allowed)
    service = WebhookService(
        store, audit, queries, rights, sight, allowed,
        load=keeper.load, wake_jobs=base.wake_jobs,
    )  # fmt: skip
    deliveries = DeliveryService(
        store, service, audit, sight, sender, base.clock, wake_jobs=base.wake_jobs
    )
    deliverer = Deliverer(store, sight, sender, disabling, base.clock, ran=watch.wake)

    def changed(changes: list[VersionChange]) -> None:
        for org in keeper.changed(changes):
            base.spawn(keeper.load(org))

    accounts.on_change(changed)
    telemetry.taps.add(keeper)
    return Capability(
        endpoints=(WebhookEndpoints(service, deliveries),),
        prepare=(keeper.load,),
        loops=(watch.run,),
        timers=(Timer(SIGHT_SECONDS, keeper.look), Timer(RELOAD_SECONDS, keeper.load)),
        jobs=(deliverer.kind, every(LOOK_SECONDS, "webhooks", lambda _: watch.look())),
        clean_up=lambda _: store.forget_deliveries(),
    )
