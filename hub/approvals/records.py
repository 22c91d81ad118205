"""A call that waits for a second person, as it is kept and as callers see it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, structs

from hub.approvals.deciding import ApprovalStatus, Reason
from hub.base.awaiting import Awaiting
from hub.base.principal import Principal
from protocol.codec import at, rfc3339
from protocol.ids import OrgId
from protocol.replies import ErrorObject

Kind = Literal["command", "bulk", "campaign", "settings", "workloads", "schedule", "schedule_run"]
ActorKind = Literal["user", "api_key", "device", "hub", "anyone"]


class Actor(Struct, frozen=True):
    """Who asked or decided: the user, and the key that was used."""

    kind: ActorKind
    subject: str
    key_id: str | None
    name: str


def actor_of(by: Principal) -> Actor:
    return Actor(by.kind, by.subject, by.key_id, by.actor)


class ShownCall(Struct, frozen=True):
    """What a person approves. `command` with its parameters, `terms` on which it is sent,
    `settings` that change: each as callers give them."""

    command: dict[str, Any] | None = None
    terms: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None


class NewApproval(Struct, frozen=True, kw_only=True):
    """A call, on its way in. `subject`: the id that it was given. `call`: what carries it out needs
    of it. `rights` with `right_name`: what whoever approves it must have as well. `ends_by`: when
    it could not be carried out any more. `key`: (scope, Idempotency-Key)."""

    kind: Kind
    subject: str | None
    device_ids: list[str]
    shown: ShownCall
    call: dict[str, Any]
    request_hash: bytes
    rights: list[str]
    right_name: str | None = None
    ends_by: datetime | None = None
    key: tuple[str, str] | None = None


class Approval(Struct, frozen=True, kw_only=True):
    """A row of `approval`."""

    org: OrgId
    approval_id: str
    kind: Kind
    subject: str | None
    device_ids: list[str]
    shown: ShownCall
    call: dict[str, Any]
    request_hash: bytes
    rights: list[str]
    right_name: str | None
    reason: Reason
    status: ApprovalStatus
    asked_by: Actor
    asked_at: datetime
    expires_at: datetime
    decided_by: Actor | None
    decided_at: datetime | None
    comment: str | None
    error: ErrorObject | None
    """With what it ended, where it was not carried out."""
    refused: Mapping[str, ErrorObject]
    """By target: of which nothing became."""
    done_at: datetime | None

    @property
    def name(self) -> dict[str, str]:
        """The member that names the id which the call was given."""
        return {} if self.subject is None else {f"{_NAMES[self.kind]}_id": self.subject}


_NAMES: Mapping[Kind, str] = {
    "command": "command",
    "bulk": "batch",
    "campaign": "campaign",
    "schedule": "schedule",
    "schedule_run": "batch",
}


def awaiting(approval: Approval) -> Awaiting:
    found = Awaiting(approval_id=approval.approval_id, expires_at=rfc3339(approval.expires_at))
    return structs.replace(found, **approval.name)


class ApprovalItem(Struct, frozen=True, rename="camel", kw_only=True):
    """Exactly what was asked for. `targets` are the first hundred in a list, all where one is
    read; `refused`: of which nothing became, though it was approved."""

    id: str
    status: ApprovalStatus
    reason: Reason
    asked_by: str
    asked_at: str
    expires_at: str
    command: dict[str, Any] | None
    terms: dict[str, Any] | None
    settings: dict[str, Any] | None
    targets: list[str]
    target_count: int
    approved_by: str | None
    decided_by: str | None
    decided_at: str | None
    comment: str | None
    error: ErrorObject | None
    refused: dict[str, ErrorObject]
    command_id: str | UnsetType = UNSET
    batch_id: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    schedule_id: str | UnsetType = UNSET
    mine: bool
    """Whether the caller's account asked for it: another one decides."""


MOST_TARGETS_LISTED = 100


def item_of(
    approval: Approval, command: dict[str, Any] | None, by: Principal, *, targets: int | None = None
) -> ApprovalItem:
    """`command` as the caller may see it; of `targets` the first so many."""
    decided = None if approval.decided_by is None else approval.decided_by.name
    return ApprovalItem(
        **approval.name,
        id=approval.approval_id,
        status=approval.status,
        reason=approval.reason,
        asked_by=approval.asked_by.name,
        asked_at=rfc3339(approval.asked_at),
        expires_at=rfc3339(approval.expires_at),
        command=command,
        terms=approval.shown.terms,
        settings=approval.shown.settings,
        targets=approval.device_ids[:targets],
        target_count=len(approval.device_ids),
        approved_by=decided if approval.status is ApprovalStatus.APPROVED else None,
        decided_by=decided,
        decided_at=at(approval.decided_at),
        comment=approval.comment,
        error=approval.error,
        refused=dict(approval.refused),
        mine=approval.asked_by.subject == by.subject,
    )
