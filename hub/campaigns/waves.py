"""A campaign as a whole: who is in which wave, when the next begins, when to stop. Pure.

The targets stand in a row, and waves cut it into stretches. `count` takes so many more, `percent`
goes on up to that share of all; who stands behind the last wave is left out. The next wave begins
when every device of those before has ended, so a canary is proven before anybody follows.

    PENDING ─begin→ IN_PROGRESS ⇄ PAUSED        every target has ended: SUCCESS, or FAILED
                         └ the stop rule: FAILED         abort: ABORTED, from any but the ends

**The stop rule.** Of the devices that had a chance (SUCCESS or FAILED; SKIPPED ones say nothing of
the release) a share fails. At `failedPercent`, once `minimum` have ended, the campaign stops.
Without a rule it stops after a wave in which somebody failed and nobody succeeded: nobody would
want the same in the next. A campaign that has stopped, or was aborted, sends nothing further; what
is under way already is followed to its end, because it happens anyway.

**The end.** When all have ended it is a SUCCESS if the share that failed is below `failedPercent`
(without a rule: if nobody failed), and somebody was reached; a campaign that passed over everybody
because they were away has not succeeded.

**The pace.** `ratePerMinute` holds for every window of a minute, and is spread over its seconds.
It is counted in the rows of the targets, so it survives whoever drives.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, assert_never

from msgspec import Meta, Struct

from hub.campaigns.journey import Status as DeviceStatus

NO_WAVE: Final = -1
MOST_AT_ONCE: Final = 500
"""Started in one look, without a rate."""


class CampaignStatus(StrEnum):
    AWAITING = "AWAITING"
    """Not begun: a second person has to approve it first."""
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    PAUSED = "PAUSED"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


FINISHED: Final = frozenset({CampaignStatus.SUCCESS, CampaignStatus.FAILED, CampaignStatus.ABORTED})


class Wish(StrEnum):
    """What somebody may ask of a campaign."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"


_C, _W = CampaignStatus, Wish
WISHES: Final[dict[tuple[CampaignStatus, Wish], CampaignStatus]] = {
    (_C.PENDING, _W.PAUSE): _C.PAUSED,
    (_C.IN_PROGRESS, _W.PAUSE): _C.PAUSED,
    (_C.PAUSED, _W.PAUSE): _C.PAUSED,
    (_C.PENDING, _W.RESUME): _C.PENDING,
    (_C.IN_PROGRESS, _W.RESUME): _C.IN_PROGRESS,
    (_C.PAUSED, _W.RESUME): _C.IN_PROGRESS,
    (_C.PENDING, _W.ABORT): _C.ABORTED,
    (_C.IN_PROGRESS, _W.ABORT): _C.ABORTED,
    (_C.PAUSED, _W.ABORT): _C.ABORTED,
    (_C.ABORTED, _W.ABORT): _C.ABORTED,
}
"""A wish that is not here comes too late. Repeating one changes nothing."""


class Wave(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of further devices, or a share of all: exactly one of the two."""

    count: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    percent: Annotated[float, Meta(gt=0, le=100)] | None = None


class StopAt(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    failed_percent: Annotated[float, Meta(gt=0, le=100)]
    minimum: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class TargetCounts(Struct, kw_only=True):
    """Of the targets by status. `passed_over`: SKIPPED and still of the reckoning, so neither
    there already nor deleted or disabled; `unfinished`: in the waves that have begun; `wave_…`: in
    the present wave."""

    pending: int = 0
    in_progress: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0
    passed_over: int = 0
    unfinished: int = 0
    wave_success: int = 0
    wave_failed: int = 0


def problem_of(waves: Sequence[Wave]) -> str | None:
    """Why waves make no sense; None = they do."""
    share = 0.0
    for wave in waves:
        if (wave.count is None) == (wave.percent is None):
            return "a wave has either count or percent"
        if wave.percent is not None:
            if wave.percent <= share:
                return "percent must rise from wave to wave"
            share = wave.percent
    return None


def waves_of(waves: Sequence[Wave], total: int) -> list[int]:
    """The wave of each of `total` targets in their row, `NO_WAVE` behind the last."""
    assigned: list[int] = []
    for number, wave in enumerate(waves):
        more = wave.count or 0
        if wave.percent is not None:
            more = math.ceil(total * wave.percent / 100) - len(assigned)
        assigned += [number] * min(max(0, more), total - len(assigned))
    return assigned + [NO_WAVE] * (total - len(assigned))


class Move(Struct, frozen=True, kw_only=True):
    """What becomes of the campaign: another status, or the next wave."""

    status: CampaignStatus
    wave: int
    because: str | None = None


def move_of(
    status: CampaignStatus, wave: int, counts: TargetCounts, *, waves: int, stop_at: StopAt | None
) -> Move | None:
    """What to do after a look at the targets; None = go on."""
    match status:
        case CampaignStatus.PENDING:
            return Move(status=CampaignStatus.IN_PROGRESS, wave=wave)
        case CampaignStatus.IN_PROGRESS:
            return _under_way(wave, counts, waves=waves, stop_at=stop_at)
        case CampaignStatus.PAUSED:
            return None
        case (
            CampaignStatus.AWAITING
            | CampaignStatus.SUCCESS
            | CampaignStatus.FAILED
            | CampaignStatus.ABORTED
        ):
            return None
        case _:
            assert_never(status)


def _under_way(
    wave: int, counts: TargetCounts, *, waves: int, stop_at: StopAt | None
) -> Move | None:
    because = _reason_to_stop(counts, stop_at)
    if because is not None and counts.pending:
        return Move(status=CampaignStatus.FAILED, wave=wave, because=because)
    if counts.unfinished:
        return None
    if counts.pending and wave + 1 < waves:
        hopeless = stop_at is None and counts.wave_failed and not counts.wave_success
        if hopeless:
            reason = f"no device of wave {wave} succeeded"
            return Move(status=CampaignStatus.FAILED, wave=wave, because=reason)
        return Move(status=CampaignStatus.IN_PROGRESS, wave=wave + 1)
    return _end(wave, counts, stop_at)


def _reason_to_stop(counts: TargetCounts, stop_at: StopAt | None) -> str | None:
    ended = counts.success + counts.failed
    if stop_at is None or ended < stop_at.minimum or not _too_many(counts, stop_at):
        return None
    return f"{counts.failed} of {ended} devices failed"


def _too_many(counts: TargetCounts, stop_at: StopAt | None) -> bool:
    percent = 0.0 if stop_at is None else stop_at.failed_percent
    share = 100.0 * counts.failed / max(1, counts.success + counts.failed)
    return counts.failed > 0 and share >= percent


def _end(wave: int, counts: TargetCounts, stop_at: StopAt | None) -> Move:
    if _too_many(counts, stop_at):
        reason = f"{counts.failed} of {counts.success + counts.failed} devices failed"
        return Move(status=CampaignStatus.FAILED, wave=wave, because=reason)
    if counts.passed_over and not counts.success:
        reason = "no device could be reached"
        return Move(status=CampaignStatus.FAILED, wave=wave, because=reason)
    return Move(status=CampaignStatus.SUCCESS, wave=wave)


def allowance(rate_per_minute: int | None, *, started_in_last_minute: int) -> int:
    """How many may begin now."""
    if rate_per_minute is None:
        return MOST_AT_ONCE
    left = max(0, rate_per_minute - started_in_last_minute)
    return min(left, math.ceil(rate_per_minute / 60), MOST_AT_ONCE)


def waited_too_long(since: datetime, now: datetime, *, phase_timeout_seconds: int) -> bool:
    """Whether devices that are away have held up their wave for long enough."""
    return now - since >= timedelta(seconds=phase_timeout_seconds)


def recount(
    counts: TargetCounts,
    before: DeviceStatus,
    after: DeviceStatus,
    *,
    in_wave: bool,
    is_blocked: bool = False,
) -> None:
    """A target has taken a step: move it from one count to the other."""
    _add(counts, before, -1, in_wave=in_wave, is_blocked=is_blocked)
    _add(counts, after, +1, in_wave=in_wave, is_blocked=is_blocked)


def drop(counts: TargetCounts, *, has_begun: bool, is_blocked: bool = True) -> None:
    """A target that waited is skipped. `has_begun`: its wave has; `is_blocked`: it is out of the
    reckoning."""
    counts.pending -= 1
    counts.skipped += 1
    counts.passed_over += 0 if is_blocked else 1
    counts.unfinished -= 1 if has_begun else 0


def _add(
    counts: TargetCounts, status: DeviceStatus, by: int, *, in_wave: bool, is_blocked: bool
) -> None:
    match status:
        case DeviceStatus.PENDING:
            counts.pending += by
            counts.unfinished += by
        case DeviceStatus.IN_PROGRESS:
            counts.in_progress += by
            counts.unfinished += by
        case DeviceStatus.SUCCESS:
            counts.success += by
            counts.wave_success += by if in_wave else 0
        case DeviceStatus.FAILED:
            counts.failed += by
            counts.wave_failed += by if in_wave else 0
        case DeviceStatus.SKIPPED:
            counts.skipped += by
            counts.passed_over += 0 if is_blocked else by
        case _:
            assert_never(status)
