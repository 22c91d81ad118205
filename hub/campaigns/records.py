"""A campaign as the database holds it, and what it takes to begin one."""

import hashlib
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from hub.base.awaiting import Awaiting
from hub.campaigns.journey import CampaignTarget, Goal
from hub.campaigns.waves import CampaignStatus, StopAt, TargetCounts, Wave
from protocol.commands import AGENT_TYPE, Command, UpdateFirmware, type_of
from protocol.ids import CommandId, DeviceId, OrgId

JOB: Final = "campaign"
"""The kind of job that drives one."""
DEFAULT_SOAK_SECONDS: Final = 60
DEFAULT_PHASE_SECONDS: Final = 3600


class Terms(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a campaign goes about it. `version` is what a device must say in the end; None = that its
    command succeeds is enough."""

    waves: tuple[Wave, ...] = (Wave(percent=100),)
    rate_per_minute: int | None = None
    soak_seconds: int = DEFAULT_SOAK_SECONDS
    phase_timeout_seconds: int = DEFAULT_PHASE_SECONDS
    stop_at: StopAt | None = None
    version: str | None = None
    allow_downgrade: bool = False

    @property
    def goal(self) -> Goal:
        return Goal(
            version=self.version,
            allow_downgrade=self.allow_downgrade,
            soak_seconds=self.soak_seconds,
            phase_timeout_seconds=self.phase_timeout_seconds,
        )


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


class NewCampaign(Struct, frozen=True, kw_only=True):
    """`devices` in the order in which they are to have their turn."""

    subject: str
    command: Load
    terms: Terms
    devices: list[DeviceId]


class Campaign(Struct, frozen=True, kw_only=True):
    org: OrgId
    campaign_id: str
    subject: str
    command: Load
    terms: Terms
    status: CampaignStatus
    wave: int
    wave_since: datetime
    stopped_because: str | None
    owner_kind: Literal["user", "api_key", "hub"]
    owner_id: str
    """The user whose rights count whenever it sends; with `owner_key`, those of this API key."""
    owner_key: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    counts: TargetCounts
    approval: Awaiting | None = None
    """For what it waits, while it is AWAITING."""

    @property
    def is_forced(self) -> bool:
        """Whether a device that updates itself is to be pinned."""
        return isinstance(self.command, UpdateFirmware) and self.command.force is True

    @property
    def application(self) -> RollOut | None:
        return self.command if isinstance(self.command, RollOut) else None

    @property
    def software(self) -> str | None:
        """The type of what it brings; None for a campaign of another command."""
        if not isinstance(self.command, UpdateFirmware):
            return None
        named = self.command.installer
        return named if isinstance(named, str) else AGENT_TYPE


class Participation(Struct, frozen=True, kw_only=True):
    """What one device plays in a campaign. `wanted` is the version it should come to."""

    campaign_id: str
    status: CampaignStatus
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
