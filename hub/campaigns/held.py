"""A campaign that waits for a second person before it begins: as it is kept and shown. Pure."""

from hashlib import sha256

import msgspec
from msgspec import Struct

from hub.approvals.records import Approval, NewApproval, ShownCall, awaiting
from hub.campaigns.records import Campaign, NewCampaign
from hub.campaigns.waves import CampaignStatus, TargetCounts
from hub.rights.access import DANGEROUS, right_to_dispatch
from protocol.commands import is_own, params_of, type_of
from protocol.ids import uuid7

CREATES = "campaigns:create"


class HeldCampaign(Struct, frozen=True):
    new: NewCampaign
    action: str
    """As the audit names its beginning."""


def held_of(approval: Approval) -> HeldCampaign:
    return msgspec.convert(approval.call, HeldCampaign)


def new_approval(new: NewCampaign, action: str, *, right_name: str | None) -> NewApproval:
    call = msgspec.to_builtins(HeldCampaign(new, action))
    kind = type_of(new.command)
    return NewApproval(
        kind="campaign",
        subject=uuid7(),
        device_ids=list(new.devices),
        shown=ShownCall(
            command={"type": kind, **params_of(new.command)},
            terms=msgspec.to_builtins(new.terms),
        ),
        call=call,
        request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
        rights=[right_to_dispatch(kind), CREATES],
        right_name=right_name,
    )


def is_dangerous(new: NewCampaign) -> bool:
    """A device's own command may be."""
    kind = type_of(new.command)
    return kind in DANGEROUS or is_own(kind)


def awaiting_campaign(approval: Approval) -> Campaign:
    new, by = held_of(approval).new, approval.asked_by
    return Campaign(
        org=approval.org,
        campaign_id=approval.subject or "",
        subject=new.subject,
        command=new.command,
        terms=new.terms,
        status=CampaignStatus.AWAITING,
        wave=0,
        wave_since=approval.asked_at,
        stopped_because=None,
        owner_kind="api_key" if by.kind == "api_key" else "user",
        owner_id=by.subject,
        owner_key=by.key_id,
        created_by=by.name,
        created_at=approval.asked_at,
        finished_at=None,
        counts=TargetCounts(pending=len(new.devices)),
        approval=awaiting(approval),
    )
