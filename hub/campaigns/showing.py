"""A campaign and its devices as callers see them, whichever way they ask."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from hub.campaigns.journey import CampaignTarget, Phase, Status
from hub.campaigns.records import Campaign
from hub.campaigns.waves import CampaignStatus
from hub.campaigns.windows import is_open
from protocol.codec import at
from protocol.ids import DeviceId
from protocol.replies import ErrorObject

ShownPhase = Literal[
    "waiting",
    "waiting_for_window",
    "awaiting_approval",
    "downloading",
    "staged",
    "restarting",
    "soaking",
]
"""Those of a device, with what holds up whoever waits."""


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
    phase: ShownPhase
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


class CampaignStanding(Struct, frozen=True):
    """What holds up the devices of a campaign."""

    status: CampaignStatus
    wave: int
    is_open: bool = True


def standing_of(campaign: Campaign, now: float) -> CampaignStanding:
    """`now` in seconds since 1970."""
    moment = datetime.fromtimestamp(now, UTC)
    return CampaignStanding(campaign.status, campaign.wave, is_open(campaign.terms.windows, moment))


def device_of(target: CampaignTarget, standing: CampaignStanding) -> CampaignDevice:
    is_skipped = target.status is Status.SKIPPED and target.error is not None
    return CampaignDevice(
        device_id=target.device_id,
        status=target.status,
        phase=_phase(target, standing),
        wave=None if target.wave < 0 else target.wave,
        from_version=target.from_version,
        error=target.error,
        reason=str(target.error["code"]) if is_skipped and target.error else None,
        command_id=target.command_id,
        attempt=target.attempt,
        started_at=at(target.started_at),
        finished_at=at(target.finished_at),
    )


def _phase(target: CampaignTarget, standing: CampaignStanding) -> ShownPhase:
    if target.status is Status.PENDING and target.phase is Phase.WAITING:
        has_begun = target.wave <= standing.wave
        if standing.status is CampaignStatus.AWAITING and not has_begun:
            return "awaiting_approval"
        if standing.status is CampaignStatus.IN_PROGRESS and has_begun and not standing.is_open:
            return "waiting_for_window"
    return target.phase.value
