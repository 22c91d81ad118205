"""What waits for a second person, who that may be, and what a decision does. Pure.

    AWAITING ──approve──► APPROVED     carried out at that moment, as if it had been asked then
             ──reject───► REJECTED     what was promised ends: CANCELLED approval_rejected
             ──expire───► EXPIRED      after a day, or at its own end: EXPIRED approval_expired
             ──cancel───► CANCELLED    the asker took it back: CANCELLED cancelled

A call waits as a whole: because the organisation asks for it, because it is over a cap, because it
would weaken either, or because the caller wants it to. Only of an AWAITING call something is
decided, once. An approved call whose asker or approver has lost the right by then is CANCELLED.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from hub.base.errors import Ended
from hub.base.holding import Holding, Right
from hub.rights.guarded import Guarded, names
from protocol.errors import CommandErrorCode
from protocol.replies import ErrorObject

DECIDES: Final = "approvals:update"


class Reason(StrEnum):
    """Why a call waits."""

    RULE = "approvals"
    PER_CALL = "per_call"
    PER_HOUR = "per_hour"
    WEAKENS = "weakens"
    ASKED = "asked"


CAPS: Final = frozenset({Reason.PER_CALL, Reason.PER_HOUR})
"""What is over one is refused where nobody else could approve it."""


class ApprovalStatus(StrEnum):
    AWAITING = "AWAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    CANCEL = "cancel"


STEPS: Final = {
    ApprovalStatus.AWAITING: {
        Verdict.APPROVE: ApprovalStatus.APPROVED,
        Verdict.REJECT: ApprovalStatus.REJECTED,
        Verdict.EXPIRE: ApprovalStatus.EXPIRED,
        Verdict.CANCEL: ApprovalStatus.CANCELLED,
    }
}
"""Every legal step. A state that is not a key has ended."""


def decided(status: ApprovalStatus, verdict: Verdict) -> ApprovalStatus:
    """Raises `Ended` when there is nothing left to decide."""
    try:
        return STEPS[status][verdict]
    except KeyError:
        raise Ended(f"it is {status} already") from None


_ERRORS: Final = {
    ApprovalStatus.REJECTED: (CommandErrorCode.APPROVAL_REJECTED, "it was not approved"),
    ApprovalStatus.EXPIRED: (CommandErrorCode.APPROVAL_EXPIRED, "nobody approved it in time"),
    ApprovalStatus.CANCELLED: (CommandErrorCode.CANCELLED, "cancelled before it was approved"),
}
LOST: Final[ErrorObject] = {
    "code": str(CommandErrorCode.FORBIDDEN),
    "message": "who asked for it, or approved it, has no right to it any more",
}


def error_of(status: ApprovalStatus) -> ErrorObject | None:
    """With what everything ends that was promised; None where it is carried out."""
    if status not in _ERRORS:
        return None
    code, message = _ERRORS[status]
    return {"code": str(code), "message": message}


def need_of(
    guarded: Guarded, resource: str, *, dangerous: bool, targets: int, asked: bool
) -> Reason | None:
    """Why a call that dispatches `resource` (`commands/<type>`) waits, whatever was sent before."""
    rules, per_call = guarded.approvals, guarded.blast_radius.per_call
    if targets > rules.over and names(rules, resource):
        return Reason.RULE
    if dangerous and per_call is not None and targets > per_call:
        return Reason.PER_CALL
    return Reason.ASKED if asked else None


def is_counted(guarded: Guarded, *, dangerous: bool) -> bool:
    """Whether what it is sent to without an approval counts for the hour."""
    return dangerous and guarded.blast_radius.per_hour is not None


def is_over(guarded: Guarded, *, lately: int, targets: int) -> bool:
    """Whether so many more are too many in an hour."""
    most = guarded.blast_radius.per_hour
    return most is not None and lately + targets > most


def may_approve(holding: Holding, rights: Iterable[Right], name: str | None) -> bool:
    """Whether an approver's rights reach so far; over which devices is asked beside."""
    return holding.everywhere(DECIDES) and holds_all(holding, rights, name)


def holds_all(holding: Holding, rights: Iterable[Right], name: str | None) -> bool:
    """`name`: of what the rights to commands are about."""
    return all(
        holding.anywhere(right, name if right.startswith("commands/") else None) for right in rights
    )
