from typing import Any

import pytest

from hub.campaigns.journey import Status
from hub.campaigns.records import command_id_of
from hub.campaigns.waves import (
    FINISHED,
    MOST_AT_ONCE,
    NO_WAVE,
    WISHES,
    CampaignStatus,
    Growth,
    Move,
    StopAt,
    TargetCounts,
    Wave,
    WaveApproval,
    WavePlan,
    Wish,
    allowance,
    approved,
    drop,
    move_of,
    pace,
    problem_of,
    recount,
    waves_of,
    wished,
)
from protocol.ids import DeviceId

RULE = StopAt(failed_percent=20, minimum=5)
RUNS = CampaignStatus.IN_PROGRESS
ONE = WavePlan(waves=1)


def move(
    wave: int = 0, *, waves: int = 2, stop_at: StopAt | None = None, **counts: Any
) -> Move | None:
    return move_of(RUNS, wave, TargetCounts(**counts), WavePlan(waves=waves, stop_at=stop_at))


@pytest.mark.parametrize(
    ("waves", "total", "assigned"),
    [
        ([Wave(percent=100)], 3, [0, 0, 0]),
        ([Wave(count=1), Wave(percent=25), Wave(percent=100)], 8, [0, 1, 2, 2, 2, 2, 2, 2]),
        ([Wave(count=1), Wave(count=2)], 4, [0, 1, 1, NO_WAVE]),
        ([Wave(count=5), Wave(percent=50)], 4, [0, 0, 0, 0]),
        ([Wave(percent=10), Wave(percent=100)], 3, [0, 1, 1]),
    ],
)
def test_waves_cut_the_row(waves: list[Wave], total: int, assigned: list[int]) -> None:
    assert waves_of(waves, total) == assigned


@pytest.mark.parametrize(
    ("waves", "bad"),
    [
        ([Wave(count=1), Wave(percent=25), Wave(percent=100)], False),
        ([Wave()], True),
        ([Wave(count=1, percent=10)], True),
        ([Wave(percent=50), Wave(percent=50)], True),
    ],
)
def test_waves_that_make_no_sense_are_named(waves: list[Wave], bad: bool) -> None:
    assert (problem_of(waves) is not None) is bad


def test_it_begins_by_itself_and_rests_when_it_should() -> None:
    begun = move_of(CampaignStatus.PENDING, 0, TargetCounts(pending=1), ONE)

    assert begun == Move(status=RUNS, wave=0)
    for status in (CampaignStatus.PAUSED, CampaignStatus.AWAITING, *FINISHED):
        assert move_of(status, 0, TargetCounts(pending=1), ONE) is None


def test_what_is_scheduled_begins_when_it_is_due() -> None:
    scheduled, none = CampaignStatus.SCHEDULED, TargetCounts()
    assert move_of(scheduled, 0, none, ONE, is_due=False) is None
    assert move_of(scheduled, 0, none, ONE) == Move(status=CampaignStatus.PENDING, wave=0)
    paused = CampaignStatus.PAUSED
    assert wished(paused, Wish.RESUME, waits_for_its_time=True) is scheduled
    assert wished(paused, Wish.RESUME, waits_for_its_time=False) is RUNS
    assert wished(paused, Wish.ABORT, waits_for_its_time=True) is CampaignStatus.ABORTED
    assert TargetCounts(pending=1, skipped=2).total == 3


@pytest.mark.parametrize(
    "status", [CampaignStatus.SCHEDULED, CampaignStatus.PAUSED, CampaignStatus.AWAITING]
)
def test_at_its_end_nobody_needs_to_move_it(status: CampaignStatus) -> None:
    under_way = TargetCounts(in_progress=1, unfinished=1)
    assert move_of(status, 0, under_way, ONE, is_due=False, is_over=True) is None
    end = move_of(status, 0, TargetCounts(success=1, skipped=1), ONE, is_due=False, is_over=True)
    assert end == Move(status=CampaignStatus.SUCCESS, wave=0)


@pytest.mark.parametrize(
    ("approval", "wave", "waits"),
    [
        (None, 0, False),
        ("first_wave", 0, True),
        ("first_wave", 1, False),
        ("each_wave", 0, True),
        ("each_wave", 1, True),
    ],
)
def test_a_wave_waits_for_an_approval(
    approval: WaveApproval | None, wave: int, waits: bool
) -> None:
    plan = WavePlan(waves=3, approval=approval)
    counts = TargetCounts(pending=3, success=1, wave_success=1)
    awaiting = Move(status=CampaignStatus.AWAITING, wave=wave)
    assert move_of(RUNS, wave, counts, plan) == (
        awaiting if waits else Move(status=RUNS, wave=wave + 1)
    )
    last = move_of(RUNS, 2, TargetCounts(success=3), plan)
    assert last == Move(status=CampaignStatus.SUCCESS, wave=2)


def test_one_that_devices_join_is_not_over_before_its_end() -> None:
    plan, done = WavePlan(waves=2, follow=True), TargetCounts(success=2)
    assert move_of(RUNS, 0, done, plan) is None
    joined = move_of(RUNS, 0, TargetCounts(pending=1, success=2), plan)
    assert joined == Move(status=RUNS, wave=1)
    end = move_of(RUNS, 1, done, plan, is_over=True)
    assert end == Move(status=CampaignStatus.SUCCESS, wave=1)


def test_a_wave_is_approved_once() -> None:
    awaiting = CampaignStatus.AWAITING
    assert approved(awaiting, 0, 1) == Move(status=RUNS, wave=1)
    assert approved(RUNS, 1, 1) is None
    for status, wave, named in ((awaiting, 0, 2), (RUNS, 0, 1), (awaiting, 1, 3)):
        with pytest.raises(ValueError, match=f"approval of wave {named}"):
            approved(status, wave, named)


def test_the_pace_grows_with_successes() -> None:
    growth = Growth(factor=2, after=10)
    assert [pace(60, growth, each) for each in (0, 9, 10, 25, 10_000)] == [60, 60, 120, 240, 1000]
    assert pace(5000, growth, 100) == 5000
    assert pace(60, None, 100) == 60
    assert pace(None, growth, 100) is None


def test_what_ended_before_it_was_opened_again_stops_nothing() -> None:
    before: Any = {"success": 1, "failed": 9, "past_success": 1, "past_failed": 8}
    assert move(stop_at=RULE, pending=1, unfinished=1, **before) is None
    end = move(1, **before)
    assert end is not None
    assert (end.status, end.because) == (CampaignStatus.FAILED, "no device succeeded")


def test_the_next_wave_waits_for_everybody_in_this_one() -> None:
    assert move(pending=3, in_progress=1, unfinished=1) is None
    assert move(pending=3, success=1, wave_success=1) == Move(status=RUNS, wave=1)


def test_the_rule_needs_its_minimum_and_its_share() -> None:
    assert move(stop_at=RULE, pending=9, unfinished=5, failed=4) is None
    assert move(stop_at=RULE, pending=9, unfinished=5, success=9, failed=1) is None
    stop = move(stop_at=RULE, pending=9, unfinished=5, success=4, failed=1)
    assert stop == Move(status=CampaignStatus.FAILED, wave=0, because="1 of 5 devices failed")


def test_below_the_minimum_a_rule_lets_the_next_wave_go() -> None:
    assert move(stop_at=RULE, pending=9, failed=1, wave_failed=1) == Move(status=RUNS, wave=1)


def test_without_a_rule_a_wave_without_success_is_the_last() -> None:
    stop = move(pending=9, failed=1, wave_failed=1)
    assert stop is not None
    assert (stop.status, stop.because) == (CampaignStatus.FAILED, "no device of wave 0 succeeded")
    some = move(pending=9, failed=1, wave_failed=1, success=1, wave_success=1)
    assert some == Move(status=RUNS, wave=1)


@pytest.mark.parametrize(
    ("stop_at", "counts", "status"),
    [
        (None, {"success": 3}, CampaignStatus.SUCCESS),
        (None, {"success": 1, "failed": 9}, CampaignStatus.SUCCESS),
        (None, {"skipped": 9, "failed": 1}, CampaignStatus.FAILED),
        (RULE, {"success": 9, "failed": 1}, CampaignStatus.SUCCESS),
        (RULE, {"success": 8, "failed": 2}, CampaignStatus.FAILED),
        (None, {"skipped": 3}, CampaignStatus.SUCCESS),
    ],
)
def test_the_end_says_how_it_went(
    stop_at: StopAt | None, counts: dict[str, int], status: CampaignStatus
) -> None:
    end = move(1, stop_at=stop_at, **counts)

    assert end is not None
    assert end.status is status
    assert (end.because is None) == (status is CampaignStatus.SUCCESS)


def test_wishes_are_heard_until_the_end_and_repeating_one_changes_nothing() -> None:
    for status in (CampaignStatus.SUCCESS, CampaignStatus.FAILED):
        assert not [wish for wish in Wish if (status, wish) in WISHES]
    for (_, wish), to in WISHES.items():
        assert WISHES.get((to, wish)) is to


def test_the_pace_is_spread_over_the_minute() -> None:
    assert allowance(None, started_in_last_minute=10**6) == MOST_AT_ONCE
    assert allowance(60, started_in_last_minute=0) == 1
    assert allowance(90, started_in_last_minute=0) == 2
    assert allowance(90, started_in_last_minute=89) == 1
    assert allowance(90, started_in_last_minute=91) == 0
    assert allowance(10**6, started_in_last_minute=0) == MOST_AT_ONCE


def test_a_step_moves_a_target_from_one_count_to_the_other() -> None:
    counts = TargetCounts(in_progress=4, unfinished=4)
    for status in (Status.SUCCESS, Status.FAILED, Status.SKIPPED, Status.PENDING):
        recount(counts, Status.IN_PROGRESS, status, in_wave=True)

    assert counts == TargetCounts(
        pending=1, success=1, failed=1, skipped=1, unfinished=1,
        wave_success=1, wave_failed=1,
    )  # fmt: skip
    recount(counts, Status.SUCCESS, Status.FAILED, in_wave=False)
    assert (counts.wave_success, counts.wave_failed) == (1, 1)


def test_who_waits_may_end_without_a_turn() -> None:
    counts = TargetCounts(pending=3, unfinished=2)
    drop(counts, Status.SKIPPED, has_begun=True, in_wave=False)
    drop(counts, Status.FAILED, has_begun=True, in_wave=True)
    drop(counts, Status.SKIPPED, has_begun=False, in_wave=False)

    assert counts == TargetCounts(skipped=2, failed=1, wave_failed=1)


def test_whoever_drives_gives_a_command_the_same_id() -> None:
    first = command_id_of("campaign", DeviceId("d1"), 1)

    assert first == command_id_of("campaign", DeviceId("d1"), 1)
    assert len({first, command_id_of("campaign", DeviceId("d1"), 2)}) == 2
    assert len(first) <= 64
