"""Does at times of the calendar what a person asked for."""

from hub.approvals.service import ApprovalService
from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.campaigns.rest import Secrets
from hub.campaigns.service import CampaignService
from hub.commands.service import CommandService
from hub.rights.memory import RightsMemory
from hub.schedules.beginning import Beginning
from hub.schedules.checking import ScheduleChecks
from hub.schedules.driver import RunDriver
from hub.schedules.due import DueLooks
from hub.schedules.owners import Owners
from hub.schedules.records import KEPT_DAYS
from hub.schedules.rest import ScheduleEndpoints
from hub.schedules.service import ScheduleService
from hub.schedules.store import ScheduleStore
from hub.schedules.watching import COUNT_SECONDS, LOOK_SECONDS, ScheduleWatch
from hub.telemetry.writer import TelemetryWriter


def build(
    base: Foundation,
    audit: AuditService,
    telemetry: TelemetryWriter,
    commands: CommandService,
    campaigns: CampaignService,
    approvals: ApprovalService,
    rights: RightsMemory,
    *,
    secrets: Secrets,
) -> Capability:
    """`secrets`: what is hidden in the configurations of an organisation."""
    store, owners = ScheduleStore(base.database), Owners(rights)
    beginning = Beginning(store, telemetry)
    due = DueLooks(store, beginning, wake_jobs=base.wake_jobs)
    driver = RunDriver(
        store, commands, campaigns, approvals, owners, beginning, wake_jobs=base.wake_jobs
    )
    watch = ScheduleWatch(store, owners, audit, telemetry)
    service = ScheduleService(
        store, audit, ScheduleChecks(store, commands, campaigns, base.clock), campaigns, approvals,
        rights, beginning, wake_jobs=base.wake_jobs,
    )  # fmt: skip
    return Capability(
        endpoints=(ScheduleEndpoints(service, campaigns, secrets),),
        jobs=(
            due.kind,
            driver.kind,
            every(LOOK_SECONDS, "schedules", lambda _: watch.look()),
        ),
        timers=(Timer(COUNT_SECONDS, watch.count),),
        clean_up=lambda _: store.forget(KEPT_DAYS),
    )
