"""A configuration on trial: what is kept on disk before, while and after it is confirmed. Pure.

    good ─begun→ on trial ─confirmed→ good (the new one)
                     └─undone→ good (the one before), and the push is remembered as rolled back

A configuration on trial is in use already, and the last good one lies beside it in the same file.
Only the process that put it on trial may confirm it: one that is found on trial at a start was cut
short, by a crash that it may have caused itself, and is undone.

Versions only rise: a version that was rolled back is never given to another document.
"""

from msgspec import Struct
from msgspec.structs import replace

from protocol.merge_patch import Document


class ConfigTrial(Struct, frozen=True, rename="camel"):
    """The last good configuration, and the push that is on trial."""

    version: int
    document: Document
    command_id: str


class StoredConfig(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`config.json`. Other programs read `version` and `document`."""

    version: int
    document: Document
    highest: int = 0
    """Of all versions that there were, where that is not `version`."""
    trial: ConfigTrial | None = None
    rolled_back: str | None = None
    """The last push, when it was undone."""


def begun(kept: StoredConfig, document: Document, command_id: str) -> StoredConfig:
    """`document` on trial. What is on trial already counts as good: it came later than that."""
    return StoredConfig(
        version=max(kept.version, kept.highest) + 1,
        document=document,
        trial=ConfigTrial(kept.version, kept.document, command_id),
    )


def confirmed(kept: StoredConfig) -> StoredConfig:
    return replace(kept, trial=None)


def undone(kept: StoredConfig) -> StoredConfig:
    """The last good one again; without a trial nothing changes."""
    if kept.trial is None:
        return kept
    return StoredConfig(
        version=kept.trial.version,
        document=kept.trial.document,
        highest=max(kept.version, kept.highest),
        rolled_back=kept.trial.command_id,
    )
