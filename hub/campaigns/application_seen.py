"""How a device stands to a revision of an application that rolls out to it. Pure.

What the device shall run is desired state, so nothing is sent that could be lost: a target is under
way when the revision is assigned. It has arrived when the device says that every service runs in
this revision, and is well; one that somebody stopped counts as well. What it said before it had the
document of now counts for nothing: that may be the same revision, filled in otherwise. What the
device refuses for good fails at once.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from msgspec import Struct

from protocol.lifecycle import State
from protocol.replies import ErrorObject

FATAL: Final = frozenset({"refused_by_device", "bad_signature", "image_not_found"})
"""Of a service, what no waiting mends."""
_RUNNING: Final = "running"


class AssignedRow(Struct, frozen=True, kw_only=True):
    """What the database knows of an application on a device. `said`: its services, as the device
    says. `fills`: what would be filled in now."""

    revision: str | None
    wanted: str | None
    filled: Mapping[str, str | None]
    fills: Mapping[str, str]
    pinned: bool
    stopped: Collection[str]
    said: Collection[Mapping[str, Any]]
    is_current: bool
    """Whether it said that of all that it shall run now."""


class ApplicationSeen(Struct, frozen=True, kw_only=True):
    """`version`: the revision that it shall run, None where it would be filled in otherwise now.
    `running`: the revision in which all services are well."""

    version: str | None
    running: str | None
    command: State | None
    error: ErrorObject | None


def application_seen(row: AssignedRow, revision: str, services: Collection[str]) -> ApplicationSeen:
    is_assigned = row.revision == revision and row.wanted is None
    stale = any(row.fills.get(name) != value for name, value in row.filled.items())
    fault = _fault(row) if is_assigned else None
    command = State.FAILED if fault is not None else State.RUNNING if is_assigned else None
    return ApplicationSeen(
        version=revision if is_assigned and not stale else None,
        running=revision if is_assigned and _are_well(row, revision, services) else None,
        command=command,
        error=fault,
    )


def _are_well(row: AssignedRow, revision: str, services: Collection[str]) -> bool:
    said = {each["service"]: each for each in row.said}
    return row.is_current and all(
        name in row.stopped
        or (said.get(name, {}).get("revision"), said.get(name, {}).get("state"))
        == (revision, _RUNNING)
        for name in services
    )


def _fault(row: AssignedRow) -> ErrorObject | None:
    """An old container may run on, and be what the device names: so no revision is asked for."""
    if not row.is_current:
        return None
    for each in row.said:
        if each.get("code") in FATAL:
            message = f"{each['service']}: {each.get('message') or each['code']}"
            return {"code": each["code"], "message": message}
    return None
