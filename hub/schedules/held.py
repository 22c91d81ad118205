"""Schedules and runs that wait for a second person: as they are kept and shown. Pure."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.approvals.records import Approval, NewApproval, ShownCall
from hub.campaigns.records import Load, RollOut
from hub.rights.access import DANGEROUS
from hub.schedules.records import (
    GivenSchedule,
    ScheduledCommand,
    ScheduleRun,
    Work,
    kind_of,
    rights_for,
)
from hub.schedules.timing import Timing
from protocol.codec import at, rfc3339
from protocol.commands import is_own, params_of, type_of
from protocol.ids import DeviceId

CREATES: Final = "schedules:create"
UPDATES: Final = "schedules:update"


class HeldSchedule(Struct, frozen=True):
    given: GivenSchedule
    replaces: bool
    """One that is there already."""


class HeldRun(Struct, frozen=True):
    schedule_id: str
    run_id: str


def held_schedule(approval: Approval) -> HeldSchedule:
    return msgspec.convert(approval.call, HeldSchedule)


def held_run(approval: Approval) -> HeldRun:
    return msgspec.convert(approval.call, HeldRun)


def is_dangerous(work: Work) -> bool:
    """A device's own command may be."""
    kind = kind_of(work)
    return kind is not None and (kind in DANGEROUS or is_own(kind))


def approval_of_schedule(
    schedule_id: str,
    given: GivenSchedule,
    device_ids: Sequence[DeviceId],
    *,
    right_name: str | None,
    replaces: bool,
) -> NewApproval:
    """For whom it would be now."""
    call = msgspec.to_builtins(HeldSchedule(given, replaces))
    timing = given.timing
    terms = {
        **_terms(given.work),
        **_when(timing),
        "name": given.name,
        "target": msgspec.to_builtins(given.target),
        "missed": given.missed,
        "overlap": given.overlap,
        "jitterSeconds": given.jitter_seconds,
        "enabled": given.enabled,
    }
    return NewApproval(
        kind="schedule",
        subject=schedule_id,
        device_ids=list(device_ids),
        shown=ShownCall(command=_command(given.work), terms=terms),
        call=call,
        request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
        rights=[*rights_for(given.work), UPDATES if replaces else CREATES],
        right_name=right_name,
    )


def approval_of_run(
    run: ScheduleRun, work: Work, device_ids: Sequence[DeviceId], *, right_name: str | None
) -> NewApproval:
    call = msgspec.to_builtins(HeldRun(run.schedule_id, run.run_id))
    terms = {**_terms(work), "schedule": run.schedule_id, "due": rfc3339(run.due)}
    return NewApproval(
        kind="schedule_run",
        subject=run.run_id,
        device_ids=list(device_ids),
        shown=ShownCall(command=_command(work), terms=terms),
        call=call,
        request_hash=sha256(msgspec.json.encode(call, order="deterministic")).digest(),
        rights=rights_for(work),
        right_name=right_name,
        ends_by=_ends_by(work),
    )


def _load(work: Work) -> Load:
    return work.command if isinstance(work, ScheduledCommand) else work.load


def _command(work: Work) -> dict[str, Any]:
    load = _load(work)
    if isinstance(load, RollOut):
        found: dict[str, Any] = msgspec.to_builtins(load)
        return found
    return {"type": type_of(load), **params_of(load)}


def _terms(work: Work) -> dict[str, Any]:
    if isinstance(work, ScheduledCommand):
        return {
            "timeoutMs": work.timeout_ms,
            "delivery": work.delivery,
            "expiresAt": at(work.expires_at),
        }
    found: dict[str, Any] = msgspec.to_builtins(work.terms)
    return found


def _when(timing: Timing) -> dict[str, Any]:
    return {
        "cron": timing.cron,
        "at": at(timing.at),
        "timezone": timing.timezone,
        "endsAt": at(timing.ends_at),
    }


def _ends_by(work: Work) -> datetime | None:
    return work.expires_at if isinstance(work, ScheduledCommand) else None
