"""Where a device's configuration stands: what is wanted, what the device has, and whether they
agree. Pure.

| status | means |
|---|---|
| in_sync | the device has what is desired |
| pending | it does not (yet): a push is under way, or the device has drifted (`error` says so) |
| failed | the last push ended without being applied |
| rolled_back | the device applied the last push, could not reach the hub, and went back |

A push moves *desired* when it is accepted. Its end, and what the device says in `hello`, move
*reported*. A device that names the hash of its configuration is believed by the hash, whatever
became of single commands; of one that names only a version it is known under which version it has
what is desired."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from protocol.lifecycle import State
from protocol.merge_patch import Document, hash_of, merge

Status = Literal["in_sync", "pending", "failed", "rolled_back"]
Fate = Literal["applied", "failed", "rolled_back"]

ROLLED_BACK: Final = "rolled_back"
"""The `error.code` of a device that went back."""
WENT_BACK: Final = "the device could not reach the hub and went back to its last good configuration"
DIFFERS: Final = "the device's configuration is not the desired one"


class Standing(Struct, frozen=True, kw_only=True):
    desired: Document
    desired_version: int
    reported: Document
    reported_version: int | None
    reported_hash: str | None
    status: Status
    error: str | None


class End(Struct, frozen=True, kw_only=True):
    """How one push ended. `version` is the hub's, the rest the device's word."""

    version: int
    patch: Document
    fate: Fate
    device_version: int | None
    device_hash: str | None
    error: str | None


class Said(Struct, frozen=True, kw_only=True):
    """What `hello` says, and what the history knows about it."""

    version: int
    hash: str | None
    rolled_back: int | None
    """The version of the push that the device says it has undone."""
    applied_version: int | None
    """Under which version the device had what is desired, when that was applied."""
    is_under_way: bool
    """The last push has not ended."""


def fate_of(status: State, error: Mapping[str, Any] | None) -> Fate:
    if status is State.SUCCESS:
        return "applied"
    return "rolled_back" if error is not None and error.get("code") == ROLLED_BACK else "failed"


def after_end(standing: Standing, end: End) -> Standing:
    known = replace(
        standing,
        reported_version=_or(end.device_version, standing.reported_version),
        reported_hash=_or(end.device_hash, standing.reported_hash),
    )
    if end.fate == "applied":
        known = replace(known, reported=merge(standing.reported, end.patch))
    if end.version < standing.desired_version:
        return known
    if end.fate != "applied":
        return replace(known, status=end.fate, error=end.error)
    return _agreed(known, end.device_hash or hash_of(known.reported))


def after_hello(standing: Standing, said: Said) -> Standing:
    known = replace(standing, reported_version=said.version, reported_hash=said.hash)
    if said.hash is not None:
        agreed = _agreed(known, said.hash)
        if agreed.status == "in_sync":
            return agreed
    elif said.applied_version is None or said.version == said.applied_version:
        return known
    if said.rolled_back == standing.desired_version:
        return replace(known, status="rolled_back", error=WENT_BACK)
    if said.is_under_way or standing.status in ("failed", "rolled_back"):
        return known
    return replace(known, status="pending", error=_drift(said))


def _agreed(standing: Standing, device_hash: str) -> Standing:
    """The hash decides."""
    if device_hash != hash_of(standing.desired):
        return replace(standing, status="pending", error=DIFFERS)
    return replace(standing, reported=standing.desired, status="in_sync", error=None)


def _drift(said: Said) -> str:
    if said.hash is not None or said.applied_version is None:
        return DIFFERS
    return f"the device reports version {said.version}, not {said.applied_version}"


def _or(said: Any, before: Any) -> Any:
    return before if said is None else said
