"""Makes the workloads of an agent from its own settings."""

import os

from device.base.database import Database
from device.base.workload_settings import WorkloadSettings
from device.events.disk_outbox import DiskOutbox
from device.line.uplink import Uplink
from device.settings import Settings
from device.workloads.keeper import WorkloadKeeper
from device.workloads.permitted import Guard
from device.workloads.plan import Planner
from device.workloads.service_files import runtime_folder
from device.workloads.signed_revision import RevisionCheck


def make_workloads(
    own: Settings,
    settings: WorkloadSettings,
    *,
    database: Database,
    outbox: DiskOutbox,
    uplink: Uplink,
) -> WorkloadKeeper:
    """`own` is the device's file, without anything that was pushed. Raises `StateUnavailable`."""
    folder = runtime_folder(settings.runtime_dir, own.id)
    signed = own.signed_commands if settings.signed else None
    planner = Planner(
        device=own.id,
        guard=Guard(settings, (*own.own_paths, folder), resolved),
        folder=folder,
        check=RevisionCheck(signed).check if signed is not None else None,
    )
    return WorkloadKeeper(
        settings,
        device=own.id,
        planner=planner,
        state=own.state,
        database=database,
        outbox=outbox,
        uplink=uplink,
    )


def resolved(path: str) -> str | None:
    """Where it leads, or None where that is nothing."""
    try:
        return os.path.realpath(path, strict=True)
    except OSError:
        return None
