"""What becomes of a due time, and of a run. Pure.

    due ──on time──────► RUNNING ──► DONE      each device did it
        ──missed───────► MISSED  ──► PARTLY    some did
        ──still_running► SKIPPED ──► FAILED    none did, or it could not begin

A run goes on by itself: its target is looked up, it is admitted (a second person may have to
approve it), its devices have their turns, and their ends are waited for. Each look takes the next
step that is left, so whoever finds a run half-way does what is left of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from hub.schedules.records import (
    Missed,
    Overlap,
    Reason,
    RunCounts,
    RunStatus,
    Schedule,
    ScheduleRun,
)
from hub.schedules.timing import MOST_MISSED, Come
from protocol.lifecycle import ENDED, State
from protocol.replies import ErrorObject

STILL_RUNNING: Final[ErrorObject] = {
    "code": "still_running",
    "message": "the run before was still under way",
}
REPLACED: Final[ErrorObject] = {
    "code": "replaced",
    "message": "a later run took the place of this one",
}
CHANGED: Final = "changed"
WHY: Final[Mapping[str, str]] = {
    "forbidden": "the owner of the schedule may not send this to them",
    "owner_lacks_right": "the owner of the schedule is gone, or may not do this any more",
    CHANGED: "the schedule was changed before their turn",
    "not_found": "they are there no more",
}
SHORTEST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
_PART: Final = 20
"""Of the time that a run has taken so far, which passes before the next look at it."""


# What becomes of due times


class NewRun(Struct, frozen=True, kw_only=True):
    """One to be written. One that was missed, or is to be skipped, has its end at once."""

    due: datetime
    status: RunStatus = RunStatus.RUNNING
    stands_for: int | None = None
    error: ErrorObject | None = None


def runs_of(come: Come, missed: Missed) -> list[NewRun]:
    """In the order of their due times; which of them begin is decided one by one."""
    return [*_missed(come.missed, missed), *(NewRun(due=due) for due in come.on_time)]


def _missed(dues: Sequence[datetime], missed: Missed) -> list[NewRun]:
    if not dues:
        return []
    if missed == "run_once":
        return [NewRun(due=dues[-1], stands_for=len(dues))]
    single, others = dues[:MOST_MISSED], dues[MOST_MISSED:]
    found = [NewRun(due=due, status=RunStatus.MISSED) for due in single]
    if others:
        found.append(NewRun(due=others[-1], status=RunStatus.MISSED, stands_for=len(others)))
    return found


def is_held_up(overlap: Overlap, *, others: bool) -> bool:
    """Whether a run does not begin, because of others that are under way."""
    return others and overlap == "skip"


# What a run does next


class RunStep(Enum):
    CLOSE = auto()
    """It was ended from outside: what is under way of it is cancelled."""
    LEAVE_OUT = auto()
    """Who has not had its turn has none any more."""
    LOOK_UP = auto()
    ADMIT = auto()
    AWAIT = auto()
    SEND = auto()
    WATCH = auto()


def step_of(run: ScheduleRun, schedule: Schedule) -> RunStep:
    if run.status is not RunStatus.RUNNING:
        return RunStep.CLOSE
    if run.total is not None and run.sent >= run.total:
        return RunStep.WATCH
    if why_left_out(run, schedule) is not None:
        return RunStep.LEAVE_OUT
    if run.total is None:
        return RunStep.LOOK_UP
    if not run.admitted:
        return RunStep.ADMIT if run.approval_id is None else RunStep.AWAIT
    return RunStep.SEND


def why_left_out(run: ScheduleRun, schedule: Schedule) -> Reason | str | None:
    """Why who waits for its turn in a run has none: the schedule is not what it was."""
    if schedule.reason is not None:
        return schedule.reason
    return None if schedule.revision == run.revision else CHANGED


def counts_of(run: ScheduleRun, commands: Mapping[str, int]) -> RunCounts:
    """`commands`: how many there are of the run, by state. Who had its turn and has none was
    skipped."""
    there = sum(commands.values())
    ended = sum(count for state, count in commands.items() if state in ENDED)
    pending, success = commands.get(State.PENDING, 0), commands.get(State.SUCCESS, 0)
    had_turn = max(run.sent, there)  # what was sent last may not be noted yet
    return RunCounts(
        pending=pending + max((run.total or 0) - had_turn, 0),
        in_progress=there - ended - pending,
        success=success,
        failed=ended - success,
        skipped=had_turn - there,
    )


def is_over(run: ScheduleRun, counts: RunCounts) -> bool:
    return run.sent == run.total and not counts.pending and not counts.in_progress


def status_of(counts: RunCounts) -> RunStatus:
    """Of a run that is over. Where there was nobody, nothing is missing."""
    if counts.success == counts.total:
        return RunStatus.DONE
    return RunStatus.PARTLY if counts.success else RunStatus.FAILED


def error_of(skipped: Mapping[str, int]) -> ErrorObject | None:
    """Why devices got nothing: what was most often so."""
    if not skipped:
        return None
    code = max(sorted(skipped), key=lambda each: skipped[each])
    count = sum(skipped.values())
    return {"code": code, "message": f"{count} devices got nothing: {WHY.get(code, code)}"}


def pause_of(seconds: float) -> float:
    """Until the next look at a run that has taken so many seconds."""
    return min(max(seconds / _PART, SHORTEST_PAUSE), LONGEST_PAUSE)
