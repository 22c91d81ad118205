"""The versions that an administrator has pinned for this device: what is met, and what is to be
brought. Pure.

A pin is met by what is installed, whoever installed it, and only what is met is reported. So a box
that lost a pinned version, or was replaced, is handed the section again.
"""

from collections.abc import Mapping

from msgspec import Struct

from device.update.trial import UpdateRecord, UpdateState
from protocol.commands import AGENT_TYPE

Versions = Mapping[str, str]
"""By type of software."""


class KeptPins(Struct, frozen=True, kw_only=True):
    """As it is in the agent's database."""

    version: str = ""
    refused: str | None = None
    pins: Versions = {}
    allow: tuple[str, ...] = ()
    begun: str | None = None
    """The version of the section that was begun last: what it pardons is pardoned, and a version of
    the agent that goes back after that has failed it."""


def met(pins: Versions, present: Versions) -> dict[str, str]:
    return {software: pin for software, pin in pins.items() if present.get(software) == pin}


def unmet(pins: Versions, present: Versions) -> list[str]:
    """The types to be brought; the agent last, because it restarts then."""
    types = [software for software in sorted(pins) if present.get(software) != pins[software]]
    return sorted(types, key=lambda software: software == AGENT_TYPE)


def went_back(record: UpdateRecord | None, sha256: str) -> str | None:
    """Why the agent went back from this artifact; None when its last update was another, or went
    well."""
    if record is None or record.state is not UpdateState.FAILED or record.sha256 != sha256:
        return None
    said = f"\n{record.said}" if record.said else ""
    return f"version {record.version} was rolled back: {record.reason}{said}"
