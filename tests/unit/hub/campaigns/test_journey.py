from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from hub.campaigns.journey import (
    ENDED,
    MOST_LOSSES,
    STEPS,
    CampaignTarget,
    Goal,
    IllegalStep,
    Phase,
    Seen,
    Status,
    TargetEvent,
    began,
    happened,
    reason_to_skip,
    skipped,
    stepped,
    withdrawn,
)
from protocol.ids import CommandId, DeviceId
from protocol.lifecycle import State
from tests.factories import MOMENT

GOAL = Goal(version="2", allow_downgrade=False, soak_seconds=60, phase_timeout_seconds=600)


def make_target(phase: Phase = Phase.DOWNLOADING, **changes: Any) -> CampaignTarget:
    """Under way: it got its command on line 1 of boot-1, at version 1."""
    fields: dict[str, Any] = {
        "device_id": DeviceId("d1"), "position": 1, "wave": 0, "since": MOMENT,
        "status": Status.IN_PROGRESS, "phase": phase, "attempt": 1, "command_id": CommandId("c1"),
        "from_version": "1", "from_boot_id": "boot-1", "from_generation": 1,
        "started_at": MOMENT,
    }  # fmt: skip
    return CampaignTarget(**{**fields, **changes})


def make_waiting(**changes: Any) -> CampaignTarget:
    return CampaignTarget(device_id=DeviceId("d1"), position=1, wave=0, since=MOMENT, **changes)


def make_seen(**changes: Any) -> Seen:
    """As it was when it got its command."""
    fields: dict[str, Any] = {
        "online": True, "generation": 1, "line_seconds": 100.0, "boot_id": "boot-1",
        "agent_version": "1", "version": "1", "health": "ONLINE", "command": State.RUNNING,
    }  # fmt: skip
    return Seen(**{**fields, **changes})


NEW = make_seen(
    generation=2, line_seconds=0.0, boot_id="boot-2", agent_version="2", version="2",
    command=State.SUCCESS,
)  # fmt: skip
AWAY = make_seen(online=False, command=State.SUCCESS)
BACK = structs.replace(NEW, agent_version="1")


def look(
    target: CampaignTarget, seen: Seen, *, seconds: float = 1, goal: Goal = GOAL
) -> TargetEvent | None:
    return happened(target, seen, goal, MOMENT + timedelta(seconds=seconds))


def soaking(**changes: Any) -> CampaignTarget:
    fields: dict[str, Any] = {"steady_since": MOMENT, "steady_generation": 2, **changes}
    return make_target(Phase.SOAKING, **fields)


# The table


def test_every_phase_has_an_end_and_waiting_is_left_by_its_turn_only() -> None:
    for phase in Phase:
        ends = {to for (of, _), to in STEPS.items() if of is phase and isinstance(to, Status)}
        assert ends <= ENDED
        assert (Status.FAILED in ends) == (phase is not Phase.WAITING)


def test_what_the_table_does_not_have_changes_nothing() -> None:
    with pytest.raises(IllegalStep):
        stepped(make_waiting(), TargetEvent.STAGE, make_seen(), MOMENT)
    with pytest.raises(IllegalStep):
        stepped(make_target(status=Status.FAILED), TargetEvent.STAGE, make_seen(), MOMENT)


# Before the command


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ({"version": "2"}, "already_there"),
        ({"version": "3"}, "downgrade"),
        ({"version": "nightly"}, None),
        ({"version": None}, None),
        ({"penalty_until": MOMENT}, "penalty_box"),
        ({"pin": "1.9", "version": "1"}, "pinned"),
        ({"pin": "2", "version": "1"}, None),
    ],
)
def test_whoever_should_not_get_it_is_skipped(seen: dict[str, Any], code: str | None) -> None:
    why = reason_to_skip(make_waiting(), make_seen(**seen), GOAL)

    assert (why and why["code"]) == code
    if why:
        after = skipped(make_waiting(), why, MOMENT)
        assert (after.status, after.error, after.finished_at) == (Status.SKIPPED, why, MOMENT)


def test_a_downgrade_may_be_wanted_and_another_command_knows_no_versions() -> None:
    newer = make_seen(version="3")
    wanted = structs.replace(GOAL, allow_downgrade=True)

    assert reason_to_skip(make_waiting(), newer, wanted) is None
    other = structs.replace(GOAL, version=None)
    assert reason_to_skip(make_waiting(), newer, other) is None
    assert reason_to_skip(make_waiting(), make_seen(penalty_until=MOMENT), other) is None


def test_a_later_attempt_is_not_skipped() -> None:
    assert reason_to_skip(make_waiting(attempt=1), make_seen(version="2"), GOAL) is None


def test_its_turn_notes_what_it_was() -> None:
    after = began(make_waiting(), make_seen(), GOAL, command_id=CommandId("c1"), now=MOMENT)

    assert (after.status, after.phase, after.attempt) == (
        Status.IN_PROGRESS, Phase.DOWNLOADING, 1,
    )  # fmt: skip
    assert (after.command_id, after.from_version) == ("c1", "1")
    assert (after.from_boot_id, after.from_generation) == ("boot-1", 1)


def test_who_came_to_the_version_between_attempts_begins_the_soak() -> None:
    after = began(make_waiting(attempt=1), NEW, GOAL, command_id=CommandId("c2"), now=MOMENT)

    assert (after.phase, after.attempt, after.steady_generation) == (Phase.SOAKING, 1, 2)


# Downloading


@pytest.mark.parametrize(
    ("command", "code", "event"),
    [
        (None, None, None),
        (State.PENDING, None, None),
        (State.SENT, None, None),
        (State.SUCCESS, None, TargetEvent.STAGE),
        (State.FAILED, "sha256_mismatch", TargetEvent.REFUSE),
        (State.FAILED, None, TargetEvent.REFUSE),
        (State.FAILED, "device_offline", TargetEvent.LOSE),
        (State.TIMEOUT, "not_delivered", TargetEvent.LOSE),
        (State.TIMEOUT, "timeout", TargetEvent.REFUSE),
        (State.REJECTED, "deadline_passed", TargetEvent.REFUSE),
        (State.REJECTED, "unsupported", TargetEvent.LACK),
        (State.FAILED, "unsupported", TargetEvent.LACK),
        (State.CANCELLED, "cancelled", TargetEvent.WITHDRAW),
        (State.UNKNOWN, "unknown", TargetEvent.LOSE),
        (State.EXPIRED, "expired", TargetEvent.LOSE),
    ],
)
def test_the_command_says_how_the_download_went(
    command: State | None, code: str | None, event: TargetEvent | None
) -> None:
    error = None if code is None else {"code": code, "message": "m"}

    assert look(make_target(), make_seen(command=command, command_error=error)) is event


def test_attempts_are_spent() -> None:
    lost = make_seen(command=State.UNKNOWN)

    assert look(make_target(losses=MOST_LOSSES), lost) is TargetEvent.GIVE_UP


def test_what_fails_is_sent_again_as_often_as_it_may_be() -> None:
    goal = structs.replace(GOAL, version=None, retries=2)
    failed = {"command_error": {"code": "failed", "message": "m"}, "redeliverable": True}
    for command in (State.FAILED, State.TIMEOUT, State.UNKNOWN):
        seen = make_seen(command=command, **failed)
        assert look(make_target(failures=1), seen, goal=goal) is TargetEvent.AGAIN
        ends = TargetEvent.GIVE_UP if command is State.UNKNOWN else TargetEvent.REFUSE
        assert look(make_target(failures=2), seen, goal=goal) is ends
        once = structs.replace(seen, redeliverable=False)
        assert look(make_target(), once, goal=goal) is ends
    refused = make_seen(command=State.REJECTED, **failed)
    assert look(make_target(), refused, goal=goal) is TargetEvent.REFUSE
    after = stepped(make_target(failures=1), TargetEvent.AGAIN, make_seen(**failed), MOMENT)
    assert (after.status, after.failures, after.losses) == (Status.PENDING, 2, 0)


def test_what_was_never_sent_is_lost_and_not_failed() -> None:
    goal = structs.replace(GOAL, version=None, retries=0)
    error = {"code": "device_offline", "message": "m"}
    seen = make_seen(command=State.FAILED, command_error=error)
    assert look(make_target(), seen, goal=goal) is TargetEvent.LOSE
    after = stepped(make_target(), TargetEvent.LOSE, seen, MOMENT)
    assert (after.status, after.failures, after.losses) == (Status.PENDING, 0, 1)


def test_what_its_window_cut_off_waits_for_the_next() -> None:
    cancelled = make_seen(command=State.CANCELLED)
    target = make_target(recalled=True)
    assert look(target, cancelled) is TargetEvent.POSTPONE
    after = stepped(target, TargetEvent.POSTPONE, cancelled, MOMENT)
    assert (after.status, after.phase, after.recalled) == (Status.PENDING, Phase.WAITING, False)
    assert (after.failures, after.losses, after.error) == (0, 0, None)


def test_a_command_may_have_to_prove_itself_in_a_soak() -> None:
    goal = structs.replace(GOAL, version=None, soak_seconds=60)
    done = make_seen(command=State.SUCCESS)
    target = make_target(from_health="DEGRADED")
    assert look(target, done, goal=goal) is TargetEvent.SETTLE
    soaking = stepped(target, TargetEvent.SETTLE, done, MOMENT)
    assert (soaking.phase, soaking.steady_since) == (Phase.SOAKING, None)
    assert look(soaking, done, goal=goal) is TargetEvent.ARRIVE
    as_before = structs.replace(done, health="DEGRADED")
    assert look(soaking, as_before, goal=goal) is TargetEvent.ARRIVE
    better = structs.replace(soaking, from_health="ONLINE")
    assert look(better, as_before, goal=goal) is None
    steady = stepped(soaking, TargetEvent.ARRIVE, done, MOMENT)
    later = MOMENT + timedelta(seconds=60)
    assert happened(steady, done, goal, later) is TargetEvent.PROVE


def test_without_a_wanted_version_the_result_is_the_end() -> None:
    goal = structs.replace(GOAL, version=None, soak_seconds=0)
    done = make_seen(command=State.SUCCESS)

    assert look(make_target(), done, goal=goal) is TargetEvent.DONE
    assert stepped(make_target(), TargetEvent.DONE, done, MOMENT).status is Status.SUCCESS


def test_a_lost_command_leads_back_to_waiting_with_its_reason() -> None:
    error = {"code": "unknown", "message": "m"}
    after = stepped(make_target(), TargetEvent.LOSE, make_seen(command_error=error), MOMENT)

    assert (after.status, after.phase, after.error) == (Status.PENDING, Phase.WAITING, error)
    assert after.attempt == 1


def test_a_version_counts_whatever_was_heard_of_the_command() -> None:
    for command in (State.SENT, State.UNKNOWN, State.TIMEOUT):
        assert look(make_target(), structs.replace(NEW, command=command)) is TargetEvent.ARRIVE


# Staged and restarting


@pytest.mark.parametrize("phase", [Phase.STAGED, Phase.RESTARTING])
def test_it_arrives_or_returns(phase: Phase) -> None:
    assert look(make_target(phase), NEW) is TargetEvent.ARRIVE
    assert look(make_target(phase), BACK) is TargetEvent.RETURN


def test_its_line_goes_once() -> None:
    assert look(make_target(Phase.STAGED), AWAY) is TargetEvent.LEAVE
    assert look(make_target(Phase.STAGED), make_seen(command=State.SUCCESS)) is None
    assert look(make_target(Phase.RESTARTING), AWAY) is None


def test_a_line_that_only_broke_is_no_return_unless_nothing_follows() -> None:
    soon = structs.replace(BACK, boot_id="boot-1", line_seconds=1.0)
    later = structs.replace(soon, line_seconds=5.0)

    assert look(make_target(Phase.RESTARTING), soon) is None
    assert look(make_target(Phase.RESTARTING), later) is TargetEvent.RETURN


def test_without_hello_nothing_is_known_of_a_line() -> None:
    silent = structs.replace(BACK, boot_id=None, agent_version=None, line_seconds=50.0)

    assert look(make_target(Phase.RESTARTING), silent) is None


def test_of_a_device_that_had_said_no_boot_the_line_counts() -> None:
    target = make_target(Phase.RESTARTING, from_boot_id=None)

    assert look(target, BACK) is None
    assert look(target, structs.replace(BACK, line_seconds=6.0)) is TargetEvent.RETURN


# The soak


def test_a_soak_is_proven_by_time_on_one_line() -> None:
    assert look(soaking(), NEW, seconds=59) is None
    assert look(soaking(), NEW, seconds=60) is TargetEvent.PROVE
    disabled = structs.replace(NEW, health="DISABLED")
    assert look(soaking(), disabled, seconds=60) is TargetEvent.PROVE


def test_the_clock_begins_anew_on_another_line_or_when_it_was_not_well() -> None:
    sick = structs.replace(NEW, health="ERROR")
    assert look(soaking(), sick, seconds=60) is TargetEvent.WAVER
    assert look(soaking(), structs.replace(NEW, online=False), seconds=60) is TargetEvent.WAVER
    wavered = stepped(soaking(), TargetEvent.WAVER, sick, MOMENT)
    assert (wavered.phase, wavered.steady_since, wavered.since) == (Phase.SOAKING, None, MOMENT)
    assert look(wavered, sick, seconds=61) is None
    assert look(wavered, NEW, seconds=61) is TargetEvent.ARRIVE
    assert look(soaking(), structs.replace(NEW, generation=3), seconds=60) is TargetEvent.ARRIVE


@pytest.mark.parametrize(("of", "code"), [("c-1", "replaced"), ("another", "rolled_back")])
def test_a_trial_that_a_package_ended_is_no_fault_of_the_version(of: str, code: str) -> None:
    target = structs.replace(make_target(Phase.RESTARTING), command_id=CommandId("c-1"))

    after = stepped(target, TargetEvent.RETURN, structs.replace(BACK, replaced=of), MOMENT)

    assert after.status is Status.FAILED
    assert after.error is not None
    assert after.error["code"] == code


def test_who_falls_back_in_the_soak_has_rolled_back() -> None:
    after = stepped(soaking(), TargetEvent.RETURN, BACK, MOMENT)

    assert look(soaking(), BACK) is TargetEvent.RETURN
    assert (after.status, after.error) == (
        Status.FAILED, {"code": "rolled_back", "message": "it came back on version 1"},
    )  # fmt: skip


# The clock


def test_every_phase_has_a_deadline_and_the_soak_a_longer_one() -> None:
    waiting = make_seen(command=State.RUNNING)
    assert look(make_target(), waiting, seconds=599) is None
    assert look(make_target(), waiting, seconds=600) is TargetEvent.LATE
    assert look(make_target(Phase.RESTARTING), AWAY, seconds=600) is TargetEvent.LATE
    sick = structs.replace(NEW, health="ERROR")
    assert look(soaking(steady_since=None), sick, seconds=659) is None
    assert look(soaking(steady_since=None), sick, seconds=660) is TargetEvent.LATE


@pytest.mark.parametrize(
    ("event", "seen", "status", "code"),
    [
        (TargetEvent.LATE, make_seen(), Status.FAILED, "timeout"),
        (TargetEvent.REFUSE, make_seen(), Status.FAILED, "failed"),
        (TargetEvent.REFUSE, make_seen(command_error={"code": "x"}), Status.FAILED, "x"),
        (TargetEvent.WITHDRAW, make_seen(command=None), Status.SKIPPED, "cancelled"),
    ],
)
def test_each_end_says_why(event: TargetEvent, seen: Seen, status: Status, code: str) -> None:
    after = stepped(make_target(), event, seen, MOMENT)

    assert after.status is status
    assert after.error is not None
    assert after.error["code"] == code


def test_a_success_says_nothing() -> None:
    assert stepped(soaking(), TargetEvent.PROVE, NEW, MOMENT).error is None


def test_only_a_command_that_was_not_sent_is_withdrawn() -> None:
    assert withdrawn(make_target(), make_seen(command=None))
    assert not withdrawn(make_target(), make_seen())
    assert not withdrawn(make_target(Phase.STAGED), make_seen(command=None))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.WAITING])
def test_a_device_that_is_gone_or_blocked_is_out_of_it_in_whatever_phase(phase: Phase) -> None:
    for seen, code in (
        (make_seen(deleted=True, disabled=True, online=False), "device_deleted"),
        (make_seen(disabled=True), "device_disabled"),
        (make_seen(disabled=True, quarantined=True), "device_disabled"),
        (make_seen(quarantined=True), "quarantined"),
    ):
        assert look(make_target(phase), seen, seconds=9999) is TargetEvent.BLOCK
        after = stepped(make_target(phase), TargetEvent.BLOCK, seen, MOMENT)
        assert after.status is Status.SKIPPED
        assert after.error is not None
        assert after.error["code"] == code
