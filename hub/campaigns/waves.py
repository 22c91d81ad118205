"""A campaign as a whole: who is in which wave, when the next begins, when to stop. Pure.

The targets stand in a row, and waves cut it into stretches. `count` takes so many more, `percent`
goes on up to that share of all; who stands behind the last wave is left out. The next wave begins
when every device of those before has ended, so a canary is proven before anybody follows.

    SCHEDULED ─startAt→ PENDING ─begin→ IN_PROGRESS ⇄ PAUSED    all have ended: SUCCESS, or FAILED
                                          │   ⇅ AWAITING: somebody has to approve the next wave
                                          └ the stop rule: FAILED    abort: ABORTED, from any

**The stop rule.** Of the devices that had a chance (SUCCESS or FAILED; SKIPPED ones say nothing of
the release) a share fails. At `failedPercent`, once `minimum` have ended, the campaign stops.
Without a rule it stops after a wave in which somebody failed and nobody succeeded: nobody would
want the same in the next. A campaign that has stopped, or was aborted, sends nothing further; what
is under way already is followed to its end, because it happens anyway.

**The end.** When all have ended it is FAILED if the stop rule is met, or if somebody failed and
nobody succeeded; else it is a SUCCESS. At `endsAt` whoever waits is left out, and what is under way
is followed to its end. With `follow` devices may come in until then, into the last wave.

**The pace.** `ratePerMinute` holds for every window of a minute, and is spread over its seconds.
It is counted in the rows of the targets, so it survives whoever drives. `growth` multiplies it
after each so many successes.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, assert_never

from msgspec import Meta, Struct

from hub.campaigns.journey import Status as DeviceStatus

NO_WAVE: Final = -1
MOST_GROWN: Final = 1000
"""A minute: no rate grows beyond."""
_MOST_STEPS: Final = 100
"""1.1 to this power is over ten thousand."""
MOST_AT_ONCE: Final = 500
"""Started in one look, without a rate."""


class CampaignStatus(StrEnum):
    AWAITING = "AWAITING"
    """Somebody has to approve it before it begins, or before its next wave."""
    SCHEDULED = "SCHEDULED"
    """Not begun: its time has not come, and its targets are looked up then."""
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
    (_C.SCHEDULED, _W.PAUSE): _C.PAUSED,
    (_C.AWAITING, _W.PAUSE): _C.PAUSED,
    (_C.PENDING, _W.PAUSE): _C.PAUSED,
    (_C.IN_PROGRESS, _W.PAUSE): _C.PAUSED,
    (_C.PAUSED, _W.PAUSE): _C.PAUSED,
    (_C.SCHEDULED, _W.RESUME): _C.SCHEDULED,
    (_C.AWAITING, _W.RESUME): _C.AWAITING,
    (_C.PENDING, _W.RESUME): _C.PENDING,
    (_C.IN_PROGRESS, _W.RESUME): _C.IN_PROGRESS,
    (_C.PAUSED, _W.RESUME): _C.IN_PROGRESS,
    (_C.SCHEDULED, _W.ABORT): _C.ABORTED,
    (_C.AWAITING, _W.ABORT): _C.ABORTED,
    (_C.PENDING, _W.ABORT): _C.ABORTED,
    (_C.IN_PROGRESS, _W.ABORT): _C.ABORTED,
    (_C.PAUSED, _W.ABORT): _C.ABORTED,
    (_C.ABORTED, _W.ABORT): _C.ABORTED,
}
"""A wish that is not here comes too late. Repeating one changes nothing."""


def wished(
    status: CampaignStatus, wish: Wish, *, waits_for_its_time: bool
) -> CampaignStatus | None:
    """What becomes of it; None = it is too late. `waits_for_its_time`: nobody was looked up yet, so
    resumed it goes back to where that is done, also when its time has come meanwhile."""
    to = WISHES.get((status, wish))
    if status is _C.PAUSED and to is _C.IN_PROGRESS and waits_for_its_time:
        return _C.SCHEDULED
    return to


class Wave(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of further devices, or a share of all: exactly one of the two."""

    count: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    percent: Annotated[float, Meta(gt=0, le=100)] | None = None


class StopAt(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    failed_percent: Annotated[float, Meta(gt=0, le=100)]
    minimum: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class Growth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rate is multiplied by `factor` after each `after` successes."""

    factor: Annotated[float, Meta(ge=1.1, le=5)]
    after: Annotated[int, Meta(ge=1, le=1_000_000)]


WaveApproval = Literal["first_wave", "each_wave"]
"""After which wave somebody has to approve that it goes on; behind the last there is nothing."""


class WavePlan(Struct, frozen=True, kw_only=True):
    """How many waves there are, and what holds them up."""

    waves: int
    stop_at: StopAt | None = None
    approval: WaveApproval | None = None
    follow: bool = False
    """Whether devices may still come in: then it is not over before its end."""


class TargetCounts(Struct, kw_only=True):
    """Of the targets by status. `past_…`: before the campaign was opened again; `unfinished`: in
    the waves that have begun; `wave_…`: in the present wave."""

    pending: int = 0
    in_progress: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0
    past_success: int = 0
    past_failed: int = 0
    unfinished: int = 0
    wave_success: int = 0
    wave_failed: int = 0

    @property
    def total(self) -> int:
        return self.pending + self.in_progress + self.success + self.failed + self.skipped


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
    status: CampaignStatus,
    wave: int,
    counts: TargetCounts,
    plan: WavePlan,
    *,
    is_due: bool = True,
    is_over: bool = False,
) -> Move | None:
    """What to do after a look at the targets; None = go on. `is_due`: its time has come, `is_over`:
    and has ended, so that nobody waits any more."""
    match status:
        case CampaignStatus.PENDING:
            return Move(status=CampaignStatus.IN_PROGRESS, wave=wave)
        case CampaignStatus.IN_PROGRESS:
            if plan.follow and not is_over and not counts.pending and not counts.unfinished:
                return None
            return _under_way(wave, counts, plan)
        case CampaignStatus.SCHEDULED if is_due:
            return Move(status=CampaignStatus.PENDING, wave=wave)
        case CampaignStatus.SCHEDULED | CampaignStatus.PAUSED | CampaignStatus.AWAITING:
            return _end(wave, counts, plan.stop_at) if is_over and not counts.unfinished else None
        case CampaignStatus.SUCCESS | CampaignStatus.FAILED | CampaignStatus.ABORTED:
            return None
        case _:
            assert_never(status)


def approved(status: CampaignStatus, wave: int, finished_wave: int) -> Move | None:
    """What follows from the approval of a wave, counted from 1; None = nothing more, for it was
    approved before. Raises `ValueError` for a wave that nobody waits for."""
    if finished_wave <= wave:
        return None
    if status is not CampaignStatus.AWAITING or finished_wave != wave + 1:
        raise ValueError(f"nothing waits for the approval of wave {finished_wave}")
    return Move(status=CampaignStatus.IN_PROGRESS, wave=wave + 1)


def _under_way(wave: int, counts: TargetCounts, plan: WavePlan) -> Move | None:
    because = _reason_to_stop(counts, plan.stop_at)
    if because is not None and counts.pending:
        return Move(status=CampaignStatus.FAILED, wave=wave, because=because)
    if counts.unfinished:
        return None
    if counts.pending and wave + 1 < plan.waves:
        hopeless = plan.stop_at is None and counts.wave_failed and not counts.wave_success
        if hopeless:
            reason = f"no device of wave {wave} succeeded"
            return Move(status=CampaignStatus.FAILED, wave=wave, because=reason)
        if plan.approval == "each_wave" or (plan.approval == "first_wave" and wave == 0):
            return Move(status=CampaignStatus.AWAITING, wave=wave)
        return Move(status=CampaignStatus.IN_PROGRESS, wave=wave + 1)
    return _end(wave, counts, plan.stop_at)


def _reason_to_stop(counts: TargetCounts, stop_at: StopAt | None) -> str | None:
    success, failed = _of_this_attempt(counts)
    ended = success + failed
    if stop_at is None or not failed or ended < stop_at.minimum:
        return None
    share = 100.0 * failed / ended
    return f"{failed} of {ended} devices failed" if share >= stop_at.failed_percent else None


def _of_this_attempt(counts: TargetCounts) -> tuple[int, int]:
    return counts.success - counts.past_success, counts.failed - counts.past_failed


def _end(wave: int, counts: TargetCounts, stop_at: StopAt | None) -> Move:
    success, failed = _of_this_attempt(counts)
    because = _reason_to_stop(counts, stop_at)
    if because is None and failed and not success:
        because = "no device succeeded"
    status = CampaignStatus.SUCCESS if because is None else CampaignStatus.FAILED
    return Move(status=status, wave=wave, because=because)


def pace(rate_per_minute: int | None, growth: Growth | None, successes: int) -> int | None:
    """The rate of now."""
    if rate_per_minute is None or growth is None:
        return rate_per_minute
    steps = min(successes // growth.after, _MOST_STEPS)
    grown = math.floor(rate_per_minute * growth.factor**steps)
    return max(rate_per_minute, min(MOST_GROWN, grown))


def allowance(rate_per_minute: int | None, *, started_in_last_minute: int) -> int:
    """How many may begin now."""
    if rate_per_minute is None:
        return MOST_AT_ONCE
    left = max(0, rate_per_minute - started_in_last_minute)
    return min(left, math.ceil(rate_per_minute / 60), MOST_AT_ONCE)


def recount(
    counts: TargetCounts,
    before: DeviceStatus,
    after: DeviceStatus,
    *,
    in_wave: bool,
) -> None:
    """A target has taken a step: move it from one count to the other."""
    _add(counts, before, -1, in_wave=in_wave)
    _add(counts, after, +1, in_wave=in_wave)


def drop(counts: TargetCounts, after: DeviceStatus, *, has_begun: bool, in_wave: bool) -> None:
    """A target that waited has ended without its turn. `has_begun`: its wave has."""
    _add(counts, after, +1, in_wave=in_wave)
    counts.pending -= 1
    counts.unfinished -= 1 if has_begun else 0


def _add(counts: TargetCounts, status: DeviceStatus, by: int, *, in_wave: bool) -> None:
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
        case _:
            assert_never(status)
