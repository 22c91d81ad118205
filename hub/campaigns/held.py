"""A campaign that waits for a second person before it begins: as it is kept and shown. Pure."""

from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.approvals.records import Approval, NewApproval, ShownCall, awaiting
from hub.base.holding import Holding, Right
from hub.campaigns.records import Campaign, Load, NewCampaign, RollOut
from hub.campaigns.waves import CampaignStatus, TargetCounts
from hub.rights.access import DANGEROUS, may_dispatch, right_to_dispatch
from hub.rights.guarded import ApprovalRules, names
from protocol.commands import is_own, params_of, type_of
from protocol.ids import uuid7

CREATES: Final = "campaigns:create"
UPDATES: Final = "applications:update"
PRIVILEGED: Final = "workloads/privileged:update"


class HeldCampaign(Struct, frozen=True):
    new: NewCampaign
    action: str
    """As the audit names its beginning."""


def held_of(approval: Approval) -> HeldCampaign:
    return msgspec.convert(approval.call, HeldCampaign)


def new_approval(new: NewCampaign, action: str, *, right_name: str | None) -> NewApproval:
    call = msgspec.to_builtins(HeldCampaign(new, action))
    return NewApproval(
        kind="campaign",
        subject=uuid7(),
        device_ids=list(new.devices),
        shown=ShownCall(
            command=_shown(new.command),
            terms=msgspec.to_builtins(new.terms),
        ),
        call=call,
        request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
        rights=[*rights_to_bring(new.command), CREATES],
        right_name=right_name,
    )


def _shown(load: Load) -> dict[str, Any]:
    if isinstance(load, RollOut):
        found: dict[str, Any] = msgspec.to_builtins(load)
        return found
    return {"type": type_of(load), **params_of(load)}


def rights_to_bring(load: Load) -> list[Right]:
    """What its owner must have, when it is asked for and whenever it is sent."""
    if not isinstance(load, RollOut):
        return [right_to_dispatch(type_of(load))]
    return [UPDATES, *([PRIVILEGED] if load.asks_for else [])]


def may_bring(rights: Holding, load: Load) -> bool:
    """To some device at least."""
    if not isinstance(load, RollOut):
        return may_dispatch(rights, type_of(load))
    names = {UPDATES: load.name}
    return all(rights.everywhere(each, names.get(each)) for each in rights_to_bring(load))


def is_guarded(rules: ApprovalRules, campaign: Campaign) -> bool:
    """Whether nobody may send alone what it brings to so many devices."""
    resources = [right.partition(":")[0] for right in rights_to_bring(campaign.command)]
    return campaign.counts.total > rules.over and any(names(rules, each) for each in resources)


def is_dangerous(new: NewCampaign) -> bool:
    """A device's own command may be."""
    if isinstance(new.command, RollOut):
        return False
    kind = type_of(new.command)
    return kind in DANGEROUS or is_own(kind)


def awaiting_campaign(approval: Approval) -> Campaign:
    new, by = held_of(approval).new, approval.asked_by
    return Campaign(
        org=approval.org,
        campaign_id=approval.subject or "",
        kind=new.kind,
        subject=new.subject,
        name=new.name,
        command=new.command,
        terms=new.terms,
        target=new.target,
        status=CampaignStatus.AWAITING,
        wave=0,
        wave_since=approval.asked_at,
        stopped_because=None,
        owner_kind="api_key" if by.kind == "api_key" else "user",
        owner_id=by.subject,
        owner_key=by.key_id,
        owner_name=by.name,
        created_by=by.name,
        created_at=approval.asked_at,
        finished_at=None,
        counts=TargetCounts(pending=len(new.devices)),
        approval=awaiting(approval),
    )
