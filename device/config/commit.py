"""A configuration on trial: what is kept on disk before, while and after it is confirmed. Pure.

    good ─begun→ on trial ─confirmed→ good (the new one)
                     └─undone→ good (the one before), and the new one is remembered as undone

A configuration on trial is in use already, and the last good one lies beside it in the same file.
A trial that needs a restart of the agent goes on in the process that follows, once, under the same
boot. One that is found on trial at any other start was cut short, by a power cut or by a crash that
it may have caused itself, and is undone.

Versions only rise: a version that was rolled back is never given to another document.
"""

from msgspec import Struct
from msgspec.structs import replace

from device.config.patch import ConfigChange
from protocol.merge_patch import Document


class Handed(Struct, frozen=True, rename="camel"):
    """What the hub handed over last: its version, and the hash of the document."""

    version: str
    hash: str


class Origin(Struct, frozen=True, rename="camel"):
    """Where a configuration comes from: a push, or what the hub handed over."""

    command_id: str | None = None
    handed: Handed | None = None


class Until(Struct, frozen=True, rename="camel"):
    """A moment on the clock of one boot, in seconds."""

    os_boot_id: str
    at: float


class ConfigTrial(Struct, frozen=True, rename="camel", kw_only=True):
    """The last good configuration, and what is on trial in its place."""

    version: int
    document: Document
    handed: Handed | None = None
    origin: Origin
    until: Until
    restarting: bool = False
    """The agent restarts itself, and the trial goes on."""
    applied: list[str] = []
    restart_required: list[str] = []

    @property
    def change(self) -> ConfigChange:
        """What it changed; of the document before."""
        return ConfigChange(self.document, self.applied, self.restart_required)


class StoredConfig(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`config.json`. Other programs read `version` and `document`."""

    version: int
    document: Document
    highest: int = 0
    """Of all versions that there were, where that is not `version`."""
    trial: ConfigTrial | None = None
    rolled_back: str | None = None
    """The last push, when it was undone."""
    handed: Handed | None = None
    """What was handed over last; the document may have been pushed since."""
    refused: str | None = None
    """The version that was handed over last, when it could not be taken or was undone."""


def replaced(kept: StoredConfig, change: ConfigChange, origin: Origin) -> StoredConfig:
    """Another document, for good."""
    return StoredConfig(
        version=max(kept.version, kept.highest) + 1,
        document=change.document,
        handed=origin.handed or kept.handed,
        refused=None if origin.handed else kept.refused,
    )


def begun(kept: StoredConfig, change: ConfigChange, origin: Origin, until: Until) -> StoredConfig:
    """Another document, on trial; with `restarting` when it takes a restart of the agent."""
    return replace(
        replaced(kept, change, origin),
        trial=ConfigTrial(
            version=kept.version,
            document=kept.document,
            handed=kept.handed,
            origin=origin,
            until=until,
            restarting=change.cuts,
            applied=change.applied,
            restart_required=change.restart_required,
        ),
    )


def confirmed(kept: StoredConfig) -> StoredConfig:
    return replace(kept, trial=None)


def undone(kept: StoredConfig) -> StoredConfig:
    """The last good one again; without a trial nothing changes."""
    trial = kept.trial
    if trial is None:
        return kept
    handed = trial.origin.handed
    return StoredConfig(
        version=trial.version,
        document=trial.document,
        highest=max(kept.version, kept.highest),
        rolled_back=trial.origin.command_id,
        handed=trial.handed,
        refused=handed.version if handed else kept.refused,
    )


def known(kept: StoredConfig, handed: Handed) -> StoredConfig:
    """The document is what was handed over already."""
    return replace(kept, handed=handed, refused=None)


def refusing(kept: StoredConfig, version: str) -> StoredConfig:
    return replace(kept, refused=version)


def at_start(kept: StoredConfig, os_boot_id: str) -> StoredConfig:
    """What a new process goes on with."""
    trial = kept.trial
    if trial is None:
        return kept
    if trial.restarting and trial.until.os_boot_id == os_boot_id:
        return replace(kept, trial=replace(trial, restarting=False))
    return undone(kept)
