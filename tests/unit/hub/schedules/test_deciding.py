from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.campaigns.records import Target
from hub.schedules.deciding import (
    NewRun,
    RunStep,
    counts_of,
    error_of,
    is_held_up,
    is_over,
    pause_of,
    runs_of,
    status_of,
    step_of,
)
from hub.schedules.records import (
    GivenSchedule,
    RunCounts,
    RunStatus,
    Schedule,
    ScheduledCommand,
    ScheduleRun,
    ScheduleStatus,
)
from hub.schedules.timing import Come, Timing
from protocol.commands import ForceSync
from protocol.ids import DEFAULT_ORG
from tests.factories import MOMENT

DUES = [datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(minutes=n) for n in range(150)]


def make_schedule(*, enabled: bool = True, **changes: Any) -> Schedule:
    given = GivenSchedule(
        name="s",
        timing=Timing(cron="* * * * *"),
        target=Target(query="all"),
        work=ScheduledCommand(command=ForceSync()),
        enabled=enabled,
    )
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "schedule_id": "s1", "given": given, "revision": 1, "reason": None,
        "since": MOMENT, "ended_at": None, "owner_kind": "user", "owner_id": "u1",
        "owner_key": None, "owner_name": "alice", "created_at": MOMENT, "created_by": "alice",
        "updated_at": MOMENT,
    }  # fmt: skip
    return Schedule(**{**fields, **changes})


def make_run(**changes: Any) -> ScheduleRun:
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "schedule_id": "s1", "run_id": "r1", "due": MOMENT, "by_hand": False,
        "revision": 1, "status": RunStatus.RUNNING, "started_at": MOMENT, "finished_at": None,
        "stands_for": None, "is_campaign": False, "approval_id": None, "admitted": False,
        "total": None, "sent": 0, "skipped": {}, "counts": RunCounts(), "error": None,
    }  # fmt: skip
    return ScheduleRun(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({}, ScheduleStatus.ACTIVE, None),
        ({"enabled": False}, ScheduleStatus.SUSPENDED, "disabled"),
        ({"reason": "owner_lacks_right"}, ScheduleStatus.SUSPENDED, "owner_lacks_right"),
        ({"ended_at": MOMENT, "enabled": False}, ScheduleStatus.ENDED, "disabled"),
    ],
)
def test_a_schedule_says_how_it_stands(
    changes: Any, status: ScheduleStatus, why: str | None
) -> None:
    schedule = make_schedule(**changes)
    assert (schedule.status, schedule.why) == (status, why)


def test_what_is_on_time_begins() -> None:
    assert runs_of(Come([], DUES[:2]), "skip") == [NewRun(due=DUES[0]), NewRun(due=DUES[1])]


def test_what_was_missed_has_a_row_each_up_to_a_hundred() -> None:
    found = runs_of(Come(DUES[:3], DUES[3:4]), "skip")
    assert [run.status for run in found] == [RunStatus.MISSED] * 3 + [RunStatus.RUNNING]
    found = runs_of(Come(DUES, []), "skip")
    assert len(found) == 101
    assert found[100] == NewRun(due=DUES[149], status=RunStatus.MISSED, stands_for=50)


def test_the_newest_that_was_missed_stands_for_all() -> None:
    assert runs_of(Come(DUES, []), "run_once") == [NewRun(due=DUES[149], stands_for=150)]
    assert runs_of(Come([], []), "run_once") == []


def test_one_that_skips_waits_for_nobody() -> None:
    assert is_held_up("skip", others=True)
    assert not is_held_up("skip", others=False)
    assert not is_held_up("allow", others=True)
    assert not is_held_up("replace", others=True)


@pytest.mark.parametrize(
    ("run", "schedule", "step"),
    [
        ({}, {}, RunStep.LOOK_UP),
        ({"total": 3}, {}, RunStep.ADMIT),
        ({"total": 3, "approval_id": "a1"}, {}, RunStep.AWAIT),
        ({"total": 3, "approval_id": "a1", "admitted": True}, {}, RunStep.SEND),
        ({"total": 3, "sent": 2, "admitted": True}, {}, RunStep.SEND),
        ({"total": 3, "sent": 3, "admitted": True}, {}, RunStep.WATCH),
        ({"total": 0}, {}, RunStep.WATCH),
        ({"total": 3, "sent": 2}, {"revision": 2}, RunStep.LEAVE_OUT),
        ({}, {"reason": "owner_lacks_right"}, RunStep.LEAVE_OUT),
        ({"total": 3, "sent": 3}, {"revision": 2}, RunStep.WATCH),
        ({"status": RunStatus.FAILED}, {}, RunStep.CLOSE),
    ],
)
def test_each_look_takes_the_step_that_is_left(run: Any, schedule: Any, step: RunStep) -> None:
    assert step_of(make_run(**run), make_schedule(**schedule)) is step


@pytest.mark.parametrize(
    ("run", "commands", "expected"),
    [
        ({}, {}, RunCounts()),
        ({"total": 5, "sent": 0}, {}, RunCounts(pending=5)),
        (
            {"total": 5, "sent": 5},
            {"SENT": 2, "ACKED": 1, "RUNNING": 1},
            RunCounts(in_progress=4, skipped=1),
        ),
        (
            {"total": 5, "sent": 3},
            {"PENDING": 1, "SUCCESS": 1, "TIMEOUT": 1},
            RunCounts(pending=3, success=1, failed=1),
        ),
        ({"total": 5, "sent": 0}, {"SENT": 2}, RunCounts(pending=3, in_progress=2)),
    ],
)
def test_devices_are_counted(run: Any, commands: Mapping[str, int], expected: RunCounts) -> None:
    found = make_run(**run)
    assert counts_of(found, commands) == expected
    assert expected.total == max(found.total or 0, 0)


def test_a_run_is_over_when_nothing_is_left() -> None:
    assert is_over(make_run(total=0), RunCounts())
    assert is_over(make_run(total=2, sent=2), RunCounts(success=1, failed=1))
    assert not is_over(make_run(), RunCounts())
    assert not is_over(make_run(total=2, sent=1), RunCounts(success=1))
    assert not is_over(make_run(total=1, sent=1), RunCounts(pending=1))
    assert not is_over(make_run(total=1, sent=1), RunCounts(in_progress=1))


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        (RunCounts(), RunStatus.DONE),
        (RunCounts(success=2), RunStatus.DONE),
        (RunCounts(success=2, failed=1), RunStatus.PARTLY),
        (RunCounts(success=2, skipped=1), RunStatus.PARTLY),
        (RunCounts(failed=1), RunStatus.FAILED),
        (RunCounts(skipped=1), RunStatus.FAILED),
    ],
)
def test_a_run_ends_as_its_devices_did(counts: RunCounts, status: RunStatus) -> None:
    assert status_of(counts) is status


def test_the_most_frequent_reason_is_told() -> None:
    assert error_of({}) is None
    found = error_of({"forbidden": 1, "device_deleted": 2})
    assert found == {
        "code": "device_deleted", "message": "3 devices got nothing: device_deleted",
    }  # fmt: skip
    found = error_of({"forbidden": 1})
    assert found is not None
    assert "may not send" in found["message"]


@pytest.mark.parametrize(("seconds", "pause"), [(0, 0.5), (100, 5.0), (10_000, 30.0)])
def test_looks_become_rarer(seconds: float, pause: float) -> None:
    assert pause_of(seconds) == pause
