"""Which versions of which software this device has, and which wait to be taken into use."""

from pathlib import Path

import msgspec
from msgspec import Struct

from device.update.artifact import StagedArtifact
from device.update.own_version import agent_version
from device.update.software import InstalledSoftware
from device.update.trial import UpdateState
from device.update.versions import Versions


class SoftwareVersions(Struct, frozen=True):
    """Of one type of software."""

    current: str | None
    staged: str | None


def installed(
    versions: Versions | None, staging: Path, software: InstalledSoftware
) -> dict[str, SoftwareVersions]:
    """By type. `versions` is None where nothing starts a new version of the agent, which is then
    staged in `staging` for somebody else."""
    others = {
        each: SoftwareVersions(software.versions.get(each), software.staged.get(each))
        for each in software.types
    }
    found = _staged_for_others(staging) if versions is None else _on_its_way(versions)
    current = agent_version()
    return {"agent": SoftwareVersions(current, None if found == current else found), **others}


def _on_its_way(versions: Versions) -> str | None:
    record = versions.read()
    if record is None or record.state is not UpdateState.TRIAL:
        return None
    return record.version


def _staged_for_others(staging: Path) -> str | None:
    try:
        content = (staging / "staged.json").read_bytes()
        return msgspec.json.decode(content, type=StagedArtifact).version
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
