"""A campaign as the database holds it, and what it takes to begin one."""

import hashlib
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from hub.base.awaiting import Awaiting
from hub.campaigns.journey import CampaignTarget, Goal
from hub.campaigns.waves import (
    CampaignStatus,
    Growth,
    StopAt,
    TargetCounts,
    Wave,
    WaveApproval,
    WavePlan,
)
from hub.campaigns.windows import Window
from protocol.commands import AGENT_TYPE, Command, UpdateFirmware, type_of
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.replies import ErrorObject

JOB: Final = "campaign"
"""The kind of job that drives one."""
DEFAULT_SOAK_SECONDS: Final = 60
DEFAULT_PHASE_SECONDS: Final = 3600


class Terms(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a campaign goes about it. `version` is what a device must say in the end; None = that its
    command succeeds is enough. `timeout_ms`: of its command, None = as its type has it."""

    waves: tuple[Wave, ...] = (Wave(percent=100),)
    rate_per_minute: int | None = None
    soak_seconds: int = DEFAULT_SOAK_SECONDS
    phase_timeout_seconds: int = DEFAULT_PHASE_SECONDS
    stop_at: StopAt | None = None
    version: str | None = None
    allow_downgrade: bool = False
    growth: Growth | None = None
    approval: WaveApproval | None = None
    retries: int | None = None
    timeout_ms: int | None = None
    start_at: datetime | None = None
    ends_at: datetime | None = None
    windows: tuple[Window, ...] = ()
    follow: bool = False

    @property
    def goal(self) -> Goal:
        return Goal(
            version=self.version,
            allow_downgrade=self.allow_downgrade,
            soak_seconds=self.soak_seconds,
            phase_timeout_seconds=self.phase_timeout_seconds,
            retries=self.retries,
        )

    def is_due(self, now: datetime) -> bool:
        return self.start_at is None or now >= self.start_at

    def is_over(self, now: datetime) -> bool:
        return self.ends_at is not None and now >= self.ends_at

    @property
    def plan(self) -> WavePlan:
        return WavePlan(
            waves=len(self.waves),
            stop_at=self.stop_at,
            approval=self.approval,
            follow=self.follow,
        )


class Target(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whom it is for, as it was asked for: exactly one of these."""

    query: str | None = None
    group_id: str | None = None
    device_ids: tuple[DeviceId, ...] | None = None


class RollOut(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="application"
):
    """A revision of an application, with the names of its services. `asks_for`: what of it needs
    the right `workloads/privileged`."""

    name: str
    revision: str
    services: list[str]
    asks_for: list[str] = []


Load = Command | RollOut
"""What a campaign brings."""


def kind_of(load: Load) -> str:
    """For a person: the type of the command, or what rolls out."""
    return "application" if isinstance(load, RollOut) else type_of(load)


def software_of(load: Load) -> str | None:
    """The type of what it brings; None for what is no software."""
    if not isinstance(load, UpdateFirmware):
        return None
    return load.installer if isinstance(load.installer, str) else AGENT_TYPE


Kind = Literal["command", "release", "application"]


class NewCampaign(Struct, frozen=True, kw_only=True):
    """`devices` in the order in which they are to have their turn. `target`: whom it is for, None =
    whoever has the application."""

    kind: Kind
    subject: str
    command: Load
    terms: Terms
    devices: list[DeviceId]
    target: Target | None
    name: str | None = None


class Enlisted(Struct, frozen=True):
    """A device as a campaign begins with it; with an error it is skipped from the start."""

    device_id: DeviceId
    wave: int
    error: ErrorObject | None = None


class Campaign(Struct, frozen=True, kw_only=True):
    org: OrgId
    campaign_id: str
    kind: Kind
    subject: str
    command: Load
    terms: Terms
    target: Target | None
    status: CampaignStatus
    wave: int
    wave_since: datetime
    stopped_because: str | None
    owner_kind: Literal["user", "api_key", "hub"]
    owner_id: str
    """The user whose rights count whenever it sends; with `owner_key`, those of this API key."""
    owner_key: str | None
    owner_name: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    counts: TargetCounts
    followed_at: datetime | None = None
    """When its target was looked up last, of one that follows it."""
    name: str | None = None
    attempt: int = 1
    """Grows when it is opened again for those that failed."""
    approval: Awaiting | None = None
    """For what it waits, while it is AWAITING and has not begun."""

    @property
    def is_forced(self) -> bool:
        """Whether a device that updates itself is to be pinned."""
        return isinstance(self.command, UpdateFirmware) and self.command.force is True

    @property
    def application(self) -> RollOut | None:
        return self.command if isinstance(self.command, RollOut) else None

    @property
    def software(self) -> str | None:
        return software_of(self.command)


class Participation(Struct, frozen=True, kw_only=True):
    """What one device plays in a campaign, which has `status` and is in `wave`. `wanted` is the
    version it should come to."""

    campaign_id: str
    status: CampaignStatus
    wave: int
    wanted: str | None
    created_at: datetime
    target: CampaignTarget


Name = tuple[OrgId, str]
"""A campaign."""


def command_id_of(campaign_id: str, device_id: DeviceId, attempt: int) -> CommandId:
    """The same for whoever drives: what was dispatched before is joined, never done twice."""
    said = f"{campaign_id}/{device_id}/{attempt}".encode()
    return CommandId(f"campaign-{hashlib.sha256(said).hexdigest()[:40]}")


def summary_of(campaign: Campaign) -> dict[str, Any]:
    """For the audit row that begins it."""
    return {"subject": campaign.subject, "devices": campaign.counts.pending}
