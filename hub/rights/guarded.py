"""What an organisation lets nobody dispatch alone: as it is set, and remembered. Pure.

It is remembered with what is asked of who signs in, so no dispatch reads it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hub.base.holding import ANY_COMMAND

APPROVALS: Final = "approvals"
BLAST_RADIUS: Final = "blast_radius"
SETTINGS: Final = (APPROVALS, BLAST_RADIUS)
"""As they are stored: sql/queries/rights.sql names them, too."""
EACH_COMMAND: Final = ANY_COMMAND.removesuffix(":create")


class ApprovalRules(Struct, frozen=True, rename="camel"):
    """`resources`: `commands/<type>`, or `commands/*` for each. They count for calls with more than
    `over` targets."""

    resources: tuple[str, ...] = ()
    over: int = 0


class BlastRadius(Struct, frozen=True, rename="camel"):
    """Targets of dangerous commands: in one call, and in any hour without an approval. None is no
    cap."""

    per_call: int | None = None
    per_hour: int | None = None


class Guarded(Struct, frozen=True):
    approvals: ApprovalRules = ApprovalRules()
    blast_radius: BlastRadius = BlastRadius()


UNGUARDED: Final = Guarded()


def guarded_of(stored: Mapping[str, Any]) -> Guarded:
    """By the settings of an organisation, as they are stored."""
    found = Guarded(
        msgspec.convert(stored.get(APPROVALS, {}), ApprovalRules),
        msgspec.convert(stored.get(BLAST_RADIUS, {}), BlastRadius),
    )
    return UNGUARDED if found == UNGUARDED else found


class GuardedPatch(Struct, frozen=True, kw_only=True, rename="camel"):
    """What changes of it."""

    resources: tuple[str, ...] | UnsetType = UNSET
    over: int | UnsetType = UNSET
    per_call: int | UnsetType | None = UNSET
    per_hour: int | UnsetType | None = UNSET


NO_PATCH: Final = GuardedPatch()


def patched(old: Guarded, patch: GuardedPatch) -> Guarded:
    rules, caps = old.approvals, old.blast_radius
    return Guarded(
        ApprovalRules(
            rules.resources if patch.resources is UNSET else patch.resources,
            rules.over if patch.over is UNSET else patch.over,
        ),
        BlastRadius(
            caps.per_call if patch.per_call is UNSET else patch.per_call,
            caps.per_hour if patch.per_hour is UNSET else patch.per_hour,
        ),
    )


def names(rules: ApprovalRules, resource: str) -> bool:
    is_command = resource.startswith(EACH_COMMAND.removesuffix("*"))
    return resource in rules.resources or (is_command and EACH_COMMAND in rules.resources)


def adds(old: Guarded, new: Guarded) -> bool:
    """Whether a command waits that did not: somebody else must be there to approve it."""
    return any(not names(old.approvals, each) for each in new.approvals.resources)


def weakens(old: Guarded, new: Guarded) -> bool:
    """Whether something may be done alone that could not be."""
    before, after = old.approvals, new.approvals
    if any(not names(after, each) for each in before.resources):
        return True
    if before.resources and after.over > before.over:
        return True
    return _is_wider(old.blast_radius, new.blast_radius)


def _is_wider(old: BlastRadius, new: BlastRadius) -> bool:
    pairs = ((old.per_call, new.per_call), (old.per_hour, new.per_hour))
    return any(was is not None and (now is None or now > was) for was, now in pairs)
