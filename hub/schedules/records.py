"""A schedule and its runs, as their rows say it. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from hub.campaigns.held import CREATES, rights_to_bring
from hub.campaigns.records import Kind, Load, RollOut, Target, Terms
from hub.commands.records import Delivery
from hub.schedules.timing import Timing
from protocol.commands import Command, type_of
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.replies import ErrorObject

JOB: Final = "schedule"
"""The kind of job that sees when one is due."""
RUN_JOB: Final = "schedule_run"
"""The kind of job that carries out one run."""
MOST_SCHEDULES: Final = 200
"""Of an organisation; without those that have ended."""
KEPT_DAYS: Final = 90

Missed = Literal["skip", "run_once"]
Overlap = Literal["skip", "allow", "replace"]
Reason = Literal["owner_lacks_right", "disabled"]
"""Why one is suspended."""


class ScheduleStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    DONE = "DONE"
    PARTLY = "PARTLY"
    FAILED = "FAILED"
    MISSED = "MISSED"
    SKIPPED = "SKIPPED"


class ScheduledCommand(Struct, frozen=True, kw_only=True, tag="command"):
    command: Command
    timeout_ms: int | None = None
    delivery: Delivery = "now"
    expires_at: datetime | None = None


class ScheduledCampaign(Struct, frozen=True, kw_only=True, tag="campaign"):
    """`load` as it was when the schedule was written: a release and an application are looked up
    again at each run."""

    kind: Kind
    subject: str
    load: Load
    terms: Terms
    name: str | None = None


Work = ScheduledCommand | ScheduledCampaign
"""What is done."""


class GivenSchedule(Struct, frozen=True, kw_only=True):
    """What somebody gives of a schedule."""

    name: str
    timing: Timing
    target: Target
    work: Work
    missed: Missed = "skip"
    overlap: Overlap = "skip"
    jitter_seconds: int = 0
    enabled: bool = True


class Schedule(Struct, frozen=True, kw_only=True):
    """`since`: up to when it was looked at; what is due comes after. `revision` grows with each
    change of what it does."""

    org: OrgId
    schedule_id: str
    given: GivenSchedule
    revision: int
    reason: Reason | None
    since: datetime
    ended_at: datetime | None
    owner_kind: Literal["user", "api_key", "hub"]
    owner_id: str
    owner_key: str | None
    owner_name: str
    created_at: datetime
    created_by: str
    updated_at: datetime

    @property
    def status(self) -> ScheduleStatus:
        if self.ended_at is not None:
            return ScheduleStatus.ENDED
        return ScheduleStatus.ACTIVE if self.why is None else ScheduleStatus.SUSPENDED

    @property
    def why(self) -> Reason | None:
        """Why nothing comes of it."""
        return self.reason or (None if self.given.enabled else "disabled")


class RunCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    """Devices, by how they stand. `pending`: nothing was sent yet."""

    pending: int = 0
    in_progress: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        return self.pending + self.in_progress + self.success + self.failed + self.skipped


class ScheduleRun(Struct, frozen=True, kw_only=True):
    """`total` is None until its target was looked up; `sent` of these had their turn. `skipped`:
    how many got nothing, by code. `admitted`: it needs nobody's approval any more."""

    org: OrgId
    schedule_id: str
    run_id: str
    due: datetime
    by_hand: bool
    revision: int
    status: RunStatus
    started_at: datetime | None
    finished_at: datetime | None
    stands_for: int | None
    is_campaign: bool
    approval_id: str | None
    admitted: bool
    total: int | None
    sent: int
    skipped: Mapping[str, int]
    counts: RunCounts
    error: ErrorObject | None


def run_id_of(schedule_id: str, due: datetime) -> str:
    """The same for whoever begins it; its batch or campaign has this id."""
    said = f"{schedule_id}/{due.isoformat()}".encode()
    return f"run-{hashlib.sha256(said).hexdigest()[:40]}"


def command_id_of(run_id: str, device_id: DeviceId) -> CommandId:
    """What was sent before is joined, never done twice."""
    said = f"{run_id}/{device_id}".encode()
    return CommandId(f"schedule-{hashlib.sha256(said).hexdigest()[:40]}")


def hash_of(run_id: str) -> bytes:
    """Of the request that all its commands are."""
    return hashlib.sha256(run_id.encode()).digest()


def rights_for(work: Work) -> list[str]:
    """What its owner must have, over some device at least."""
    if isinstance(work, ScheduledCommand):
        return rights_to_bring(work.command)
    return [*rights_to_bring(work.load), CREATES]


def kind_of(work: Work) -> str | None:
    """The type of its commands; None for an application."""
    load = work.command if isinstance(work, ScheduledCommand) else work.load
    return None if isinstance(load, RollOut) else type_of(load)
