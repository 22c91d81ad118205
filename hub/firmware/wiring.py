"""Keeps firmware releases and deploys them as campaigns."""

from pathlib import Path
from typing import Final

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation, Timer
from hub.campaigns.service import CampaignService
from hub.commands.service import CommandService
from hub.desired.service import DesiredService
from hub.firmware.deployment_rest import DeploymentEndpoints
from hub.firmware.deployments import DeploymentService
from hub.firmware.files import Artifacts
from hub.firmware.installed import InstalledVersions
from hub.firmware.rest import FirmwareEndpoints
from hub.firmware.service import FirmwareService
from hub.firmware.store import ReleaseStore

CLEAN_UP_SECONDS: Final = 600.0


def build(
    base: Foundation,
    audit: AuditService,
    commands: CommandService,
    campaigns: CampaignService,
    desired: DesiredService,
) -> Capability:
    artifacts = Artifacts(
        Path(base.settings.data_dir) / "firmware",
        max_bytes=base.settings.firmware_max_bytes,
        total_bytes=base.settings.firmware_total_bytes,
    )
    store = ReleaseStore(base.database)
    installed = InstalledVersions(store)
    commands.listen(installed)
    desired.on_pinned(installed.pinned)
    service = FirmwareService(store, artifacts, commands, campaigns, audit)
    deployments = DeploymentService(service, campaigns)
    campaigns.loads.release = deployments.load
    return Capability(
        endpoints=(
            FirmwareEndpoints(service),
            DeploymentEndpoints(deployments, campaigns),
        ),
        timers=(Timer(CLEAN_UP_SECONDS, service.clean_up),),
        clean_up=lambda _: service.end_releases(),
    )
