"""Where a device's configuration stands: what is wanted, what the device has, and whether they
agree. Pure.

| status | means |
|---|---|
| in_sync | the device has what is desired |
| pending | it does not (yet): a push is under way, or the device has drifted (`error` says so) |
| failed | the last push ended without being applied |
| rolled_back | the device applied the last push, could not reach the hub, and went back |

A push moves *desired* when it is accepted. One that ends without effect is taken out again, unless
something newer builds on it: *desired* and its version are then as they were before. Versions only
rise, so that no version ever names two documents.

A push's end, and what the device says in `hello`, move *reported*, which never shows what the
device does not have. A device that names the hash of its configuration is believed by the hash,
whatever became of single commands: what has another hash than all that the hub knows of is shown as
empty. Of a device that names only a version it is known under which version it has what is desired.

A device that names its configuration among its sections is handed over what differs, but not a
version that it refused, until that changes or somebody asks for another try.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from protocol.canonical import hash_of
from protocol.errors import CommandErrorCode
from protocol.frames import DesiredStatus
from protocol.lifecycle import State
from protocol.merge_patch import Document, merge

ConfigStatus = Literal["in_sync", "pending", "failed", "rolled_back"]
Fate = Literal["applied", "failed", "rolled_back"]

_NOTHING: Final[Document] = {}
ROLLED_BACK: Final = "rolled_back"
"""The `error.code` of a device that went back."""
WENT_BACK: Final = "the device could not reach the hub and went back to its last good configuration"
DIFFERS: Final = "the device's configuration is not the desired one"
BY_PUSH_ALONE: Final = f"{DIFFERS}, and its agent takes one by push_config alone"
ON_TRIAL: Final = "the device tries the configuration"
REFUSED: Final = "the device could not take the configuration"


NO_EFFECT: Final = frozenset({State.FAILED, State.REJECTED, State.CANCELLED, State.EXPIRED})


class ConfigState(Struct, frozen=True, kw_only=True):
    desired: Document
    """What the groups of the device give, with its own part over it."""
    desired_version: int
    own: Document
    own_version: int
    """The push that the own part ends with."""
    defaults: Document
    """What the groups give."""
    highest_version: int
    """Of all that were ever desired."""
    reported: Document
    reported_version: int | None
    reported_hash: str | None
    status: ConfigStatus
    error: str | None
    refused: int | None = None
    """The version that the device could not take, or has undone."""
    retried: int | None = None
    """The version that it shall try, though it says that it refused it."""


class End(Struct, frozen=True, kw_only=True):
    """How one push ended. `version` is the hub's, the rest the device's word."""

    version: int
    patch: Document
    fate: Fate
    without_effect: bool
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
    takes_section: bool = False
    """What differs can be handed over."""
    refused: str | None = None
    """The version that the device was handed over last and could not take, or has undone."""


def desiring(standing: ConfigState, patch: Document) -> ConfigState:
    """After a push was accepted."""
    version = standing.highest_version + 1
    own = merge(standing.own, patch)
    return replace(
        standing,
        desired=merge(standing.defaults, own),
        desired_version=version,
        highest_version=version,
        own=own,
        own_version=version,
    )


def with_defaults(standing: ConfigState, defaults: Document) -> ConfigState:
    """The groups of the device give something else."""
    desired = merge(defaults, standing.own)
    if hash_of(desired) == hash_of(standing.desired):
        return replace(standing, defaults=defaults)
    return replace(_next(standing, desired), defaults=defaults)


def taken_out(standing: ConfigState, own: Document, version: int) -> ConfigState:
    """The own part is again as the push `version` left it. The version is again as it was, too,
    where no group has a part in what is desired."""
    before = replace(standing, own=own, own_version=version)
    desired = merge(standing.defaults, own)
    if standing.defaults or standing.desired_version != standing.own_version:
        return replace(_next(before, desired), status=standing.status, error=standing.error)
    return replace(before, desired=desired, desired_version=version)


def _next(standing: ConfigState, desired: Document) -> ConfigState:
    version = standing.highest_version + 1
    return replace(
        standing,
        desired=desired,
        desired_version=version,
        highest_version=version,
        status="pending",
        error=None,
    )


def fate_of(status: State, error: Mapping[str, Any] | None) -> Fate:
    if status is State.SUCCESS:
        return "applied"
    return "rolled_back" if error is not None and error.get("code") == ROLLED_BACK else "failed"


def is_without_effect(status: State, error: Mapping[str, Any] | None) -> bool:
    """Whether a push is known to have left the device as it was. What ran out of time may still
    come to effect, unless it was never sent."""
    code = None if error is None else error.get("code")
    return status in NO_EFFECT or code == CommandErrorCode.NOT_DELIVERED


def is_to_take_out(standing: ConfigState, end: End) -> bool:
    return end.without_effect and end.version == standing.own_version


def after_end(standing: ConfigState, end: End) -> ConfigState:
    patch = end.patch if end.fate == "applied" else {}
    known = replace(
        standing,
        reported=_document(end.device_hash, merge(standing.reported, patch), standing.desired),
        reported_version=_or(end.device_version, standing.reported_version),
        reported_hash=_or(end.device_hash, standing.reported_hash),
    )
    if end.version < standing.desired_version:
        return known
    if end.fate != "applied":
        return replace(known, status=end.fate, error=end.error)
    return _agreed(known, end.device_hash or hash_of(known.reported))


def after_hello(standing: ConfigState, said: Said) -> ConfigState:
    known = replace(
        standing,
        reported=_said_document(standing, said),
        reported_version=said.version,
        reported_hash=said.hash,
    )
    if said.hash is not None:
        agreed = _agreed(known, said.hash)
        if agreed.status == "in_sync":
            return agreed
    elif said.applied_version is None or said.version == said.applied_version:
        return known
    if said.rolled_back == standing.desired_version:
        return replace(known, status="rolled_back", error=WENT_BACK)
    if said.is_under_way:
        return known
    if said.takes_section:
        return _refusing(known) if _is_refused(standing, said) else _pending(known)
    if standing.status in ("failed", "rolled_back"):
        return known
    return replace(known, status="pending", error=_drift(said))


def after_taking(standing: ConfigState, report: DesiredStatus) -> ConfigState:
    """What a device says of another than the desired configuration counts for nothing: it is handed
    over that one."""
    if report.hash != hash_of(standing.desired):
        return standing
    match report.status:
        case "trial":
            return replace(standing, status="pending", error=ON_TRIAL)
        case "applied":
            known = replace(standing, reported_hash=report.hash, refused=None, retried=None)
            return _agreed(known, report.hash)
        case "failed" | "rolled_back":
            return replace(
                standing,
                status=report.status,
                error=(report.error and report.error.message) or REFUSED,
                refused=standing.desired_version,
                retried=None,
            )
        case _:
            assert_never(report.status)


def retrying(standing: ConfigState) -> ConfigState:
    """What the device refused may be handed over again."""
    known = replace(standing, refused=None, retried=standing.desired_version)
    return _agreed(known, standing.reported_hash or "")


def is_to_hand_over(standing: ConfigState) -> bool:
    return standing.status == "pending" and standing.refused != standing.desired_version


def _is_refused(standing: ConfigState, said: Said) -> bool:
    says_so = said.refused == str(standing.desired_version) != str(standing.retried)
    return says_so or standing.refused == standing.desired_version


def _refusing(known: ConfigState) -> ConfigState:
    status: ConfigStatus = "rolled_back" if known.status == "rolled_back" else "failed"
    error = REFUSED if known.status in ("in_sync", "pending") else known.error
    return replace(known, status=status, error=error, refused=known.desired_version)


def _pending(known: ConfigState) -> ConfigState:
    return replace(known, status="pending", error=DIFFERS)


def _said_document(standing: ConfigState, said: Said) -> Document:
    if said.hash is not None:
        return _document(said.hash, standing.reported, standing.desired)
    if said.version == standing.reported_version:
        return standing.reported
    if said.version == said.applied_version:
        return standing.desired
    return {} if said.version == 0 or said.applied_version is not None else standing.reported


def _document(device_hash: str | None, likely: Document, other: Document) -> Document:
    """The one that has this hash; an empty one when none has. Without a hash the likely one."""
    if device_hash is None:
        return likely
    known: list[Document] = [likely, other]
    return next((each for each in known if hash_of(each) == device_hash), _NOTHING)


def _agreed(standing: ConfigState, device_hash: str) -> ConfigState:
    """The hash decides."""
    if device_hash != hash_of(standing.desired):
        return replace(standing, status="pending", error=DIFFERS)
    return replace(standing, reported=standing.desired, status="in_sync", error=None)


def _drift(said: Said) -> str:
    if said.hash is not None or said.applied_version is None:
        return BY_PUSH_ALONE
    return f"the device reports version {said.version}, not {said.applied_version}"


def _or(said: Any, before: Any) -> Any:
    return before if said is None else said
