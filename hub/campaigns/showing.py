"""A campaign and its devices as callers see them, whichever way they ask."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from hub.campaigns.journey import CampaignTarget, Phase, Status
from hub.campaigns.records import Campaign
from hub.campaigns.waves import CampaignStatus
from hub.campaigns.windows import Window, is_open
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


_is_open: Final = lru_cache(maxsize=64)(is_open)
"""Of a page of devices most are of the same zone."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


class CampaignStanding(Struct, frozen=True):
    """What holds up the devices of a campaign."""

    status: CampaignStatus
    wave: int
    windows: tuple[Window, ...] = ()
    now: datetime = _EPOCH

    def is_open(self, zone: str) -> bool:
        """For devices of this time zone."""
        return _is_open(self.windows, self.now, zone)


def standing_of(campaign: Campaign, now: float) -> CampaignStanding:
    """`now` in seconds since 1970."""
    moment = datetime.fromtimestamp(now, UTC)
    return CampaignStanding(campaign.status, campaign.wave, campaign.terms.windows, moment)


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
        runs = standing.status is CampaignStatus.IN_PROGRESS
        if runs and has_begun and not standing.is_open(target.zone):
            return "waiting_for_window"
    return target.phase.value
