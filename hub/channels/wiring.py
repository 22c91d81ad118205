"""Tells people of alerts."""

from hub.audit.service import AuditService
from hub.base.destinations import Destinations
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.base.outward import way_out_of
from hub.channels.grouping import LOOK_SECONDS
from hub.channels.mailing import Mailer, server_of
from hub.channels.notifying import Notifications
from hub.channels.rest import ChannelEndpoints
from hub.channels.sending import ChannelSender
from hub.channels.service import ChannelService
from hub.channels.silencing import Silencing
from hub.channels.store import ChannelStore
from hub.queries.service import QueryService
from hub.rights.memory import RightsMemory
from hub.telemetry.writer import TelemetryWriter
from hub.webhooks.sending import sender_of


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    queries: QueryService,
    rights: RightsMemory,
) -> tuple[Notifications, Capability]:
    store = ChannelStore(base.database, base.vault)
    allowed = Destinations(base.settings.webhook_allow)
    mailer = Mailer(server_of(base.settings), way_out_of(base.settings).context)
    sender = ChannelSender(sender_of(base, allowed), mailer, base.clock)
    silencing = Silencing(store, audit, queries, rights)
    notifications = Notifications(store, sender, silencing, telemetry, wake_jobs=base.wake_jobs)
    service = ChannelService(
        store, audit, sender, allowed,
        has_mail=mailer.server is not None, wake_jobs=base.wake_jobs,
    )  # fmt: skip
    return notifications, Capability(
        endpoints=(ChannelEndpoints(service, silencing),),
        loops=(notifications.run,),
        jobs=(
            notifications.kind,
            every(LOOK_SECONDS, "notifications", lambda _: notifications.look()),
        ),
        clean_up=lambda _: store.forget_silences(),
    )
