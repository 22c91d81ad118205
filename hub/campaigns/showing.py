"""A campaign and its devices as callers see them, whichever way they ask."""

from msgspec import Struct

from hub.campaigns.journey import CampaignTarget, Phase, Status
from hub.campaigns.records import Campaign
from hub.campaigns.waves import CampaignStatus
from protocol.codec import at
from protocol.ids import DeviceId
from protocol.replies import ErrorObject


class CampaignCounts(Struct, frozen=True, rename="camel", kw_only=True):
    pending: int
    in_progress: int
    success: int
    failed: int
    skipped: int


class CampaignDevice(Struct, frozen=True, rename="camel", kw_only=True):
    """`downloading`: its command is under way, or the revision is assigned."""

    device_id: DeviceId
    status: Status
    phase: str
    wave: int | None
    from_version: str | None
    error: ErrorObject | None
    """Of a device that failed; of one that was skipped, the reason with a message."""
    reason: str | None
    """Why it was skipped."""
    command_id: str | None
    attempt: int
    started_at: str | None
    finished_at: str | None


def counts_of(campaign: Campaign) -> CampaignCounts:
    return CampaignCounts(
        **{name: getattr(campaign.counts, name) for name in CampaignCounts.__struct_fields__}
    )


def device_of(target: CampaignTarget, status: CampaignStatus, wave: int) -> CampaignDevice:
    """As its campaign stands: with this status, in this wave."""
    is_skipped = target.status is Status.SKIPPED and target.error is not None
    return CampaignDevice(
        device_id=target.device_id,
        status=target.status,
        phase=_phase(target, status, wave),
        wave=None if target.wave < 0 else target.wave,
        from_version=target.from_version,
        error=target.error,
        reason=str(target.error["code"]) if is_skipped and target.error else None,
        command_id=target.command_id,
        attempt=target.attempt,
        started_at=at(target.started_at),
        finished_at=at(target.finished_at),
    )


def _phase(target: CampaignTarget, status: CampaignStatus, wave: int) -> str:
    """What holds up whoever waits."""
    waits = target.status is Status.PENDING and target.phase is Phase.WAITING
    if waits and status is CampaignStatus.AWAITING and target.wave > wave:
        return "awaiting_approval"
    return str(target.phase)
