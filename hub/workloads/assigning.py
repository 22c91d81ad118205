"""Whether a device gets a revision of an application, and what is filled in for it. Pure.

A service that lacks a variable is left out, with those that depend on it. Where the device has the
application already, it keeps the whole revision that it has: nothing runs that is half of one and
half of the other.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from hub.workloads.contents import Service, services
from hub.workloads.filling import Filler, MissingVariable
from hub.workloads.records import RevisionRow
from protocol.ids import DeviceId

MOST_APPLICATIONS: Final = 32
MOST_SERVICES: Final = 128
MOST_DATA: Final = 1024 * 1024
"""Bytes of config maps and secrets of a device."""
MISSING: Final = "missing_variable"
UNSUPPORTED: Final = "unsupported"
TOO_MANY: Final = "too_many"
TOO_LARGE: Final = "too_large"

ServiceError = dict[str, str]


class DeviceStanding(Struct, frozen=True, kw_only=True):
    """How a device stands to an application: what it has of it, and beside it. `has_engine`: None
    where that is not known. `fills`: its variables, and its labels."""

    device_id: DeviceId
    revision: str | None
    wanted: str | None
    filled: dict[str, str | None] | None
    errors: dict[str, ServiceError] | None
    by_hand: bool | None
    pinned: bool | None
    orphaned: bool | None
    applications: int
    services: int
    data_bytes: int
    has_engine: bool | None
    fills: dict[str, str]


class Assigned(Struct, frozen=True, kw_only=True):
    """A row to be. `wanted` is the revision that it should have, where it keeps the one before."""

    device_id: DeviceId
    revision: str
    filled: dict[str, str | None]
    wanted: str | None
    errors: dict[str, ServiceError]
    by_hand: bool
    pinned: bool

    @property
    def missing(self) -> str | None:
        """Why not all of the revision is with the device."""
        return next((each["message"] for each in self.errors.values()), None)


class NotGiven(Struct, frozen=True):
    """It does not get it: `code` as callers are told."""

    code: str
    message: str


def assigned(
    standing: DeviceStanding, revision: RevisionRow, *, by_hand: bool, pinned: bool
) -> Assigned | NotGiven:
    refused = _beyond(standing, revision)
    if refused is not None:
        return refused
    filled = {name: standing.fills.get(name) for name in revision.variables}
    errors = missing(revision.compose, known(filled))
    keeps = bool(errors) and _runs_another(standing, revision)
    return Assigned(
        device_id=standing.device_id,
        revision=(standing.revision if keeps else None) or revision.revision,
        filled=(standing.filled if keeps else None) or filled,
        wanted=revision.revision if keeps else None,
        errors=errors,
        by_hand=by_hand,
        pinned=pinned,
    )


def _runs_another(standing: DeviceStanding, revision: RevisionRow) -> bool:
    """Whether it has what would be cut down: another revision, or this one with all its values."""
    if standing.revision is None:
        return False
    had = known(standing.filled or {})
    return standing.revision != revision.revision or not missing(revision.compose, had)


def _beyond(standing: DeviceStanding, revision: RevisionRow) -> NotGiven | None:
    if standing.applications >= MOST_APPLICATIONS:
        return NotGiven(TOO_MANY, f"a device has at most {MOST_APPLICATIONS} applications")
    if standing.services + len(revision.services) > MOST_SERVICES:
        return NotGiven(TOO_MANY, f"a device has at most {MOST_SERVICES} services")
    if standing.data_bytes + revision.data_bytes > MOST_DATA:
        message = f"config maps and secrets of a device have at most {MOST_DATA} bytes"
        return NotGiven(TOO_LARGE, message)
    return None


def known(filled: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in filled.items() if value is not None}


def missing(document: dict[str, Any], values: Mapping[str, str]) -> dict[str, ServiceError]:
    """The services that cannot be made of it, and why."""
    found: dict[str, ServiceError] = {}
    for name, service in services(document).items():
        try:
            Filler(values).document(service)
        except MissingVariable as error:
            found[name] = {"code": MISSING, "message": str(error.args[1])[:200]}
    return _with_dependents(services(document), found)


def _with_dependents(
    of: Mapping[str, Service], errors: dict[str, ServiceError]
) -> dict[str, ServiceError]:
    while more := {
        name: {"code": MISSING, "message": f"it depends on {min(needed)}"}
        for name, service in of.items()
        if name not in errors and (needed := errors.keys() & service.get("depends_on", {}).keys())
    }:
        errors = {**errors, **more}
    return errors


def filled_in(
    document: dict[str, Any], filled: Mapping[str, str | None], left_out: Iterable[str]
) -> dict[str, Any]:
    """As a device gets it."""
    out = set(left_out)
    filler = Filler(known(filled))
    kept = {name: each for name, each in services(document).items() if name not in out}
    return {**document, "services": {name: filler.document(each) for name, each in kept.items()}}
