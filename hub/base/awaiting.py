"""The answer to a call that waits for a second person."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Awaiting(Struct, frozen=True, rename="camel", kw_only=True):
    """Of the ids, the one that the call was given; a change of settings has none."""

    command_id: str | UnsetType = UNSET
    batch_id: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    schedule_id: str | UnsetType = UNSET
    status: Literal["AWAITING"] = "AWAITING"
    approval_id: str
    expires_at: str
