"""Keeps applications, and gives them to devices."""

from collections.abc import Awaitable, Callable

import httpx

from hub.approvals.service import ApprovalService
from hub.audit.service import AuditService
from hub.base.destinations import Destinations
from hub.base.foundation import Capability, Foundation
from hub.base.jobs import every
from hub.base.outward import NamedPlaces, way_out_of
from hub.base.principal import Principal
from hub.campaigns.service import CampaignService
from hub.commands.rest import CommandEndpoints
from hub.desired.service import DesiredService
from hub.devices.service import DeviceService
from hub.groups.service import GroupService
from hub.lines.service import LineService
from hub.queries.service import QueryService
from hub.secrets.service import SecretService
from hub.workloads.applications import ApplicationService
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.assignments import AssignmentService
from hub.workloads.data import HAND_OVER_JOB, HAND_OVER_SECONDS, WorkloadDataService
from hub.workloads.data_rest import WorkloadDataEndpoints
from hub.workloads.data_store import WorkloadDataStore
from hub.workloads.device_rest import WorkloadEndpoints
from hub.workloads.giving import Giving
from hub.workloads.handing import HandingService
from hub.workloads.making import RevisionMaker
from hub.workloads.registry_client import SECONDS as REGISTRY_SECONDS
from hub.workloads.registry_client import RegistryClient
from hub.workloads.registry_names import ListedRegistries
from hub.workloads.rest import ApplicationEndpoints
from hub.workloads.rollout_rest import RollOutEndpoints
from hub.workloads.rollouts import RollOutService
from hub.workloads.store import ApplicationStore
from hub.workloads.sweeping import JOB, SECONDS, TargetSweep
from hub.workloads.targets import Targets
from protocol.ids import DeviceKey
from protocol.telemetry import WorkloadStatus
from protocol.trusted_keys import TrustedKeys


def build(
    base: Foundation,
    audit: AuditService,
    devices: DeviceService,
    lines: LineService,
    approvals: ApprovalService,
    groups: GroupService,
    campaigns: CampaignService,
    commands: CommandEndpoints,
    desired: DesiredService,
    secrets: SecretService,
    trusted: Callable[[Principal], Awaitable[TrustedKeys]],
    queries: QueryService,
    *,
    hint_desired: Callable[[DeviceKey], None],
) -> Capability:
    """`trusted` gives whose signatures count in a call."""
    store, applications = AssignmentStore(base.database), ApplicationStore(base.database)
    data = WorkloadDataStore(base.database, base.vault)
    targets, giving = Targets(store, queries), Giving(store)
    maker = RevisionMaker(data, secrets, _registries(base), trusted)
    service = ApplicationService(
        applications, store, maker, targets, audit, approvals, hint_desired, base.wake_jobs
    )
    assignments = AssignmentService(store, applications, giving, audit, hint_desired)
    kept = WorkloadDataService(data, store, audit, hint_desired)
    handing = HandingService(store, applications, data, secrets, lines, devices)
    sweep = TargetSweep(store, applications, giving, targets, approvals, audit, hint_desired)
    rollouts = RollOutService(
        applications, store, service, maker, giving, campaigns, audit, hint_desired
    )
    campaigns.bring_by(rollouts)
    campaigns.loads.application = rollouts.load
    groups.used_by(targets.naming)
    lines.on_hello(handing.said_hello)
    desired.look_with(handing.look)
    return Capability(
        endpoints=(
            ApplicationEndpoints(service, assignments),
            WorkloadEndpoints(assignments, handing, commands),
            WorkloadDataEndpoints(kept),
            RollOutEndpoints(rollouts, service, campaigns),
        ),
        loops=(handing.run,),
        jobs=(
            every(SECONDS, JOB, lambda _: sweep.look()),
            every(HAND_OVER_SECONDS, HAND_OVER_JOB, lambda _: kept.hand_over()),
        ),
        frames={WorkloadStatus: handing.used},
        clean_up=lambda _: kept.clean_up(),
    )


def _registries(base: Foundation) -> RegistryClient:
    """Raises `ConfigurationError`."""
    listed = ListedRegistries(base.settings.registries)
    allowed = Destinations([*base.settings.webhook_allow, *listed.hosts])
    transport = NamedPlaces(way_out_of(base.settings), allowed)
    client = httpx.AsyncClient(transport=transport, timeout=REGISTRY_SECONDS, trust_env=False)
    return RegistryClient(client, listed)
