from typing import Any

import msgspec
import pytest

from hub.base.errors import Conflict, Ended, NotFound, Quarantined, TooLarge, TooManyCommands
from hub.commands.decisions import (
    CommandTarget,
    Folded,
    Insert,
    ReadyLine,
    Replied,
    accept,
    cancel,
    fold,
    given_to,
    missing_for,
    plan,
    request_hash,
    unsent_end,
)
from hub.commands.records import CommandRow
from protocol.commands import COMMANDS
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId, Generation, OrgId
from protocol.lifecycle import ENDED, State
from protocol.replies import Ack, Outcome, Progress, Result, ResultError
from protocol.secret_values import Values
from tests.factories import make_claim, make_command, make_new, make_target

READY = ReadyLine(Generation(1), "j", frozenset(COMMANDS))
TS = "2026-01-02T03:04:05.000Z"


# Acceptance


def accepted(*args: object, **changes: object) -> Insert:
    decision = accept(*args, **changes)  # pyright: ignore[reportArgumentType]
    assert isinstance(decision, Insert)
    return decision


def test_on_a_ready_line_it_is_born_sent_with_the_journal_of_the_line() -> None:
    target = make_target(seq=7)
    insert = accepted(make_new(), target, None, READY)
    assert (insert.status, insert.seq) == (State.SENT, 8)
    assert (insert.sent_generation, insert.journal_id) == (1, "j")
    assert (target.seq, target.unfinished) == (8, 1)


@pytest.mark.parametrize(
    "line",
    [None, ReadyLine(Generation(2), None, frozenset(COMMANDS))],
    ids=["a line elsewhere", "not the newest line"],
)
def test_on_any_other_line_it_is_born_pending(line: ReadyLine | None) -> None:
    insert = accepted(make_new(), make_target(), None, line)
    assert (insert.status, insert.sent_generation, insert.error) == (State.PENDING, None, None)


OWN = make_new(type="custom.calibrate")


def test_what_is_beside_the_eleven_is_not_sent_before_the_line_has_said_what_it_can() -> None:
    """Whether the device has it, its first frame says."""
    early = ReadyLine(Generation(1), None, frozenset(COMMANDS), settled=False)
    assert accepted(OWN, make_target(), None, early).status is State.PENDING
    late = ReadyLine(Generation(1), None, frozenset(COMMANDS))
    assert accepted(OWN, make_target(), None, late).status is State.REJECTED
    having = ReadyLine(Generation(1), None, frozenset({"custom.calibrate"}))
    assert accepted(OWN, make_target(), None, having).status is State.SENT


def test_of_another_replicas_line_only_the_database_says_what_it_can() -> None:
    assert accepted(OWN, make_target(commands=None), None, None).status is State.REJECTED
    having = make_target(commands=["custom.calibrate"])
    assert accepted(OWN, having, None, None).status is State.PENDING


def test_a_claim_holds_it_until_the_line_is_settled() -> None:
    command = make_command(State.PENDING, type="custom.calibrate")
    early = plan(make_claim(commands=frozenset(COMMANDS), settled=False), [command])
    assert (early.steps, early.held) == ([], True)
    (step,) = plan(make_claim(commands=frozenset(COMMANDS), settled=True), [command]).steps
    assert step.status is State.REJECTED


@pytest.mark.parametrize("redeliver", [True, False])
def test_a_devices_own_is_sent_twice_when_its_description_allows_it(redeliver: bool) -> None:
    command = make_command(
        State.SENT, type="custom.calibrate", redeliver=redeliver, sent_generation=1
    )
    claim = make_claim(
        generation=2, journal_id=None, commands=frozenset({"custom.calibrate"}), settled=True
    )
    (step,) = plan(claim, [command]).steps
    assert (step.sent, step.status) == (
        redeliver, State.SENT if redeliver else State.UNKNOWN,
    )  # fmt: skip


def test_without_a_line_now_fails_and_queue_waits() -> None:
    target = make_target(online=False)
    insert = accepted(make_new(), target, None, None)
    assert insert.status is State.FAILED
    assert insert.error is not None
    assert insert.error["code"] == "device_offline"
    assert (target.seq, target.unfinished) == (1, 0)
    insert = accepted(make_new(delivery="queue"), target, None, READY)
    assert insert.status is State.PENDING
    assert (target.seq, target.unfinished) == (2, 1)


@pytest.mark.parametrize(
    ("noted", "line", "status"),
    [
        (["reboot_os"], None, State.REJECTED),
        (["force_sync"], None, State.PENDING),
        (None, ReadyLine(Generation(1), None, frozenset({"reboot_os"})), State.REJECTED),
        (["reboot_os"], ReadyLine(Generation(1), None, frozenset({"force_sync"})), State.SENT),
        (["reboot_os"], ReadyLine(Generation(9), None, frozenset({"force_sync"})), State.REJECTED),
    ],
)
def test_what_the_line_does_not_support_is_rejected_and_the_line_knows_best(
    noted: list[str] | None, line: ReadyLine | None, status: State
) -> None:
    insert = accepted(make_new(), make_target(commands=noted), None, line)
    assert insert.status is status
    assert (insert.error is None) == (status is not State.REJECTED)


def test_what_a_device_that_is_away_did_not_support_may_be_queued() -> None:
    target = make_target(online=False, commands=["reboot_os"])
    assert accepted(make_new(delivery="queue"), target, None, None).status is State.PENDING


def test_an_unknown_device_is_not_found() -> None:
    assert isinstance(accept(make_new(), None, None, None), NotFound)


@pytest.mark.parametrize("delivery", ["now", "queue"])
def test_nothing_is_accepted_for_a_device_in_quarantine_but_a_repeat_joins(delivery: str) -> None:
    target, there = make_target(quarantined=True), make_command()
    refused = accept(make_new(delivery=delivery), target, None, READY)
    assert isinstance(refused, Quarantined)
    assert target.seq == make_target().seq
    assert accept(make_new(), target, there, READY) is there


def test_an_id_that_is_there_is_joined_or_conflicts() -> None:
    there = make_command()
    assert accept(make_new(), make_target(), there, READY) is there
    for other in ({"request_hash": b"other"}, {"device_id": "d2"}):
        assert isinstance(accept(make_new(**other), make_target(), there, READY), Conflict)


def test_the_fifty_first_unfinished_command_is_refused_and_takes_no_number() -> None:
    target = make_target(unfinished=49)
    assert accepted(make_new(type="clear_queue"), target, None, READY).seq == 1
    refused = accept(make_new(command_id="c2", type="clear_queue"), target, None, READY)
    assert isinstance(refused, TooManyCommands)
    assert (target.seq, target.unfinished) == (1, 50)
    target.online = False
    assert accepted(make_new(command_id="c3"), target, None, None).status is State.FAILED


@pytest.mark.parametrize("kind", [*COMMANDS, "from_the_future"])
def test_a_crowd_of_harmless_commands_leaves_ten_places_for_the_others(kind: str) -> None:
    harmless = kind in {"force_sync", "pull_logs", "enable_device"}
    outcome = accept(make_new(type=kind), make_target(unfinished=40), None, READY)
    assert isinstance(outcome, TooManyCommands) is harmless


def test_equal_requests_have_equal_hashes_whatever_the_order_of_their_keys() -> None:
    assert request_hash("d", {"a": 1, "b": [2]}) == request_hash("d", {"b": [2], "a": 1})
    assert request_hash("d", {"a": 1}) != request_hash("d", {"a": 2})
    assert request_hash("ab", "c") != request_hash("a", "bc")


# Plans


def again(**changes: Any) -> CommandRow:
    """A command that was sent on an older line and is not safe to send twice."""
    return make_command(type="restart_service", **changes)


def test_pending_commands_are_sent_in_order() -> None:
    commands = [make_command(State.PENDING, seq=n, command_id=f"c{n}") for n in (1, 2)]
    planned = plan(make_claim(), commands)
    assert [(s.command.seq, s.status, s.sent) for s in planned.steps] == [
        (1, State.SENT, True), (2, State.SENT, True),
    ]  # fmt: skip
    assert not planned.held


def test_what_names_a_secret_that_does_not_open_waits_and_so_does_what_follows() -> None:
    first, shut, third = (
        make_command(State.PENDING, seq=n, command_id=f"c{n}", waits=n == 2) for n in (1, 2, 3)
    )
    planned = plan(make_claim(), [first, shut, third])
    assert [step.command.seq for step in planned.steps] == [1]
    assert (planned.held, planned.later) == (False, True)
    assert not plan(make_claim(), [first]).later


def test_what_hello_does_not_name_is_rejected_unsent() -> None:
    claim = make_claim(commands=frozenset({"reboot_os"}))
    (step,) = plan(claim, [make_command(State.PENDING)]).steps
    assert (step.status, step.sent) == (State.REJECTED, False)
    assert step.error is not None
    assert step.error["code"] == "unsupported"


@pytest.mark.parametrize("status", [State.SENT, State.ACKED, State.RUNNING])
def test_what_is_safe_is_sent_again_and_keeps_its_state(status: State) -> None:
    for settled in (True, False):
        (step,) = plan(make_claim(settled=settled), [make_command(status)]).steps
        assert (step.status, step.sent) == (status, True)


def test_what_was_committed_as_sent_on_this_very_line_is_sent() -> None:
    (step,) = plan(make_claim(settled=False), [again(sent_generation=2)]).steps
    assert step.sent


def test_the_same_journal_makes_it_safe_and_another_or_none_does_not() -> None:
    (step,) = plan(make_claim(journal_id="j"), [again(journal_id="j")]).steps
    assert step.sent
    for mine, its in ((None, None), (None, "j"), ("j", None), ("j", "k")):
        (step,) = plan(make_claim(journal_id=mine), [again(journal_id=its)]).steps
        assert (step.status, step.sent) == (State.UNKNOWN, False)
        assert step.error is not None
        assert step.error["code"] == "unknown"


def test_a_command_in_doubt_holds_what_is_behind_it_until_the_line_is_settled() -> None:
    commands = [
        make_command(seq=1, command_id="before"),
        again(seq=2, command_id="doubt"),
        make_command(State.PENDING, seq=3, command_id="behind"),
    ]
    waiting = plan(make_claim(settled=False), commands)
    assert ([step.command.seq for step in waiting.steps], waiting.held) == ([1], True)
    settled = plan(make_claim(settled=True), commands)
    assert [(s.command.seq, s.sent) for s in settled.steps] == [(1, True), (2, False), (3, True)]
    assert not settled.held


def test_a_type_that_this_version_does_not_know_is_never_safe() -> None:
    (step,) = plan(make_claim(), [make_command(type="from_the_past")]).steps
    assert not step.sent


# Replies

C1 = CommandId("c1")
ACK = Ack(command_id=C1)
PROGRESS = Progress(command_id=C1, percent=40, stage="s", message="m")
SUCCESS = Result(command_id=C1, success=True, output="o", data={"n": 1})


def folded(status: State, *replies: Ack | Progress | Result, **changes: object) -> Folded:
    found = Folded(command=make_command(status, **changes))
    for reply in replies:
        fold(found, reply, ts=TS)
    return found


def test_ack_progress_result_in_one_group() -> None:
    found = folded(State.SENT, ACK, PROGRESS, SUCCESS)
    assert (found.command.status, found.changed, found.ended) == (State.SUCCESS, True, True)
    assert (found.command.output, found.command.data, found.command.error) == ("o", {"n": 1}, None)
    assert found.command.progress == {"percent": 40, "stage": "s", "message": "m"}
    (event,) = found.progress
    assert (event.command_id, event.percent, event.stage, event.message) == (C1, 40, "s", "m")


def test_an_ack_that_changes_nothing_is_no_change() -> None:
    assert folded(State.SENT, ACK).changed
    assert not folded(State.ACKED, ACK).changed
    after_progress = folded(State.RUNNING, ACK)
    assert (after_progress.command.status, after_progress.changed) == (State.RUNNING, False)


def test_progress_may_be_bare() -> None:
    found = folded(State.SENT, Progress(command_id=C1), Progress(command_id=C1))
    assert found.command.progress == {"percent": None, "stage": None, "message": None}
    assert len(found.progress) == 2
    assert msgspec.to_builtins(found.progress[0]).keys() == {
        "type", "deviceId", "ts", "commandId", "percent",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "error", "status", "code"),
    [
        (None, None, State.FAILED, None),
        (None, ResultError(code="disk_full"), State.FAILED, "disk_full"),
        ("rejected", ResultError(code="busy"), State.REJECTED, "busy"),
        ("cancelled", None, State.CANCELLED, "cancelled"),
        ("unknown", None, State.UNKNOWN, "unknown"),
        ("unknown", ResultError(code="crashed"), State.UNKNOWN, "crashed"),
    ],
)
def test_a_failure_says_why(
    outcome: Outcome | None, error: ResultError | None, status: State, code: str | None
) -> None:
    found = folded(State.ACKED, Result(command_id=C1, success=False, outcome=outcome, error=error))
    assert found.command.status is status
    assert (found.command.error or {"code": None})["code"] == code


def test_the_error_of_a_success_is_dropped() -> None:
    result = Result(command_id=C1, success=True, error=ResultError(code="odd"))
    assert folded(State.SENT, result).command.error is None


@pytest.mark.parametrize("status", sorted(ENDED))
def test_after_the_end_only_a_result_that_says_something_else_is_kept(status: State) -> None:
    found = folded(status, ACK, PROGRESS)
    assert (found.changed, found.command) == (False, make_command(status))
    found = folded(status, SUCCESS)
    assert found.command.status is status
    assert not found.ended
    if status is State.SUCCESS:
        assert found.command.late_result is None
        assert not found.changed
    else:
        assert found.command.late_result is not None
        assert found.command.late_result["output"] == "o"
        once = found.command
        fold(found, Result(command_id=C1, success=True, output="again"), ts=TS)
        assert found.command == once


def replied(**changes: object) -> Replied:
    fields = {"org": DEFAULT_ORG, "device_id": DeviceId("d1"), "generation": Generation(1)}
    return Replied(**{**fields, "reply": ACK, **changes})  # pyright: ignore[reportArgumentType]


def test_a_command_was_given_to_the_device_that_it_was_sent_to() -> None:
    assert given_to(make_command(), replied())
    assert not given_to(None, replied())
    assert not given_to(make_command(device_id="another"), replied())
    assert not given_to(make_command(State.PENDING), replied())
    assert given_to(make_command(), replied(org=OrgId("default"), generation=Generation(9)))


def test_a_delete_withdraws_what_was_not_sent_and_leaves_the_rest_to_the_device() -> None:
    assert cancel(State.PENDING) is State.CANCELLED
    for sent in (State.SENT, State.ACKED, State.RUNNING):
        assert cancel(sent) is sent
    for ended in ENDED:
        with pytest.raises(Ended, match=str(ended)):
            cancel(ended)


def test_g23_what_waited_is_not_sent_for_somebody_who_lost_the_right() -> None:
    waiting = make_command(State.PENDING, owner_may=False)
    (step,) = plan(make_claim(), [waiting]).steps
    assert (step.status, step.sent) == (State.CANCELLED, False)
    assert step.error is not None
    assert step.error["code"] == "forbidden"
    sent = make_command(State.SENT, owner_may=False)
    assert plan(make_claim(), [sent]).steps[0].sent


BIG = {"patch": {"a": "x" * 5_000}, "expectVersion": 1}


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (make_target(max_frame=4_096), None),
        (make_target(max_frame=4_096, online=False), None),
        (make_target(), ReadyLine(Generation(1), "j", frozenset(COMMANDS), 4_096)),
    ],
    ids=["as it said", "as it said last", "as its line knows already"],
)
def test_what_no_frame_of_the_device_carries_is_refused_and_nothing_moves(
    target: CommandTarget, line: ReadyLine | None
) -> None:
    for size, fits in ((4_096, True), (4_097, False)):
        seq = target.seq
        decision = accept(make_new(params=BIG, frame_bytes=size), target, None, line)
        assert isinstance(decision, Insert) is fits
        if not fits:
            assert isinstance(decision, TooLarge)
            assert [each.field for each in decision.errors] == ["command.patch"]
            assert target.seq == seq


def test_a_repeat_of_what_was_accepted_joins_it_however_large() -> None:
    existing = make_command(request_hash=b"hash")
    new = make_new(frame_bytes=9_999)
    assert accept(new, make_target(max_frame=4_096), existing, None) is existing


def test_what_is_too_large_for_the_line_ends_unsent() -> None:
    claim = make_claim(max_frame=4_096, journal_id="j")
    big = [
        make_command(state, seq=n, type="push_config", params=BIG, journal_id="j")
        for n, state in enumerate((State.PENDING, State.SENT, State.ACKED), 1)
    ]
    steps = plan(claim, big).steps  # what it acknowledged is in its journal: nothing to send
    assert [step.command.status for step in steps] == [State.PENDING, State.SENT]
    for step in steps:
        assert (step.status, step.sent) == (State.FAILED, False)
        assert step.error is not None
        assert step.error["code"] == "too_large"
    (small,) = plan(claim, [make_command(State.PENDING)]).steps
    assert small.sent


def test_with_its_secrets_a_frame_has_a_bound_too() -> None:
    names = {f"s{n}": "x" * 65_536 for n in range(17)}
    command = make_command(State.PENDING, type="custom.print", secrets=Values(names))
    (step,) = plan(make_claim(commands=None), [command]).steps
    assert (step.status, step.sent) == (State.FAILED, False)
    assert step.error is not None
    assert step.error["code"] == "too_large"


@pytest.mark.parametrize("status", [State.SENT, State.ACKED])
def test_what_fits_no_more_is_in_doubt_without_its_journal(status: State) -> None:
    claim = make_claim(max_frame=4_096, generation=Generation(2))
    big = make_command(status, type="exec_shell", params=BIG, journal_id="another")
    (step,) = plan(claim, [big]).steps
    assert (step.status, step.sent) == (State.UNKNOWN, False)


@pytest.mark.parametrize("remembered", [None, 100_000, 4_096])
def test_before_the_first_frame_only_what_every_device_takes_is_sent(
    remembered: int | None,
) -> None:
    commands = [
        make_command(State.PENDING, seq=1),
        make_command(State.PENDING, seq=2, type="push_config", params=BIG),
        make_command(State.PENDING, seq=3),
    ]
    early = plan(make_claim(settled=False, max_frame=remembered), commands)
    assert early.held
    assert [step.command.seq for step in early.steps] == [1]
    settled = plan(make_claim(max_frame=remembered), commands)
    assert not settled.held
    assert [step.sent for step in settled.steps] == [True, remembered != 4_096, True]


def test_a_long_command_is_not_born_sent_on_a_line_that_said_nothing_yet() -> None:
    for settled, size, status in (
        (False, 4_096, State.SENT),
        (False, 4_097, State.PENDING),
        (True, 4_097, State.SENT),
    ):
        line = ReadyLine(Generation(1), "j", frozenset(COMMANDS), settled=settled)
        born = accept(make_new(frame_bytes=size), make_target(), None, line)
        assert isinstance(born, Insert)
        assert born.status is status


PLC = {"installer": "plc"}


@pytest.mark.parametrize(
    ("params", "installers", "missing"),
    [
        (PLC, None, None),
        (PLC, ["plc"], None),
        (PLC, ["agent"], "the installation of plc"),
        ({}, ["agent"], None),
        ({}, ["plc"], "the installation of agent"),
        ({}, [], "the installation of agent"),
    ],
)
def test_an_update_goes_to_who_installs_its_type(
    params: dict[str, str], installers: list[str] | None, missing: str | None
) -> None:
    assert missing_for("update_firmware", params, None, installers) == missing
    assert missing_for("update_firmware", params, ["force_sync"], installers) == "update_firmware"
    assert missing_for("force_sync", {}, None, []) is None


@pytest.mark.parametrize(
    ("kind", "params", "status", "code"),
    [
        ("update_firmware", {}, State.REJECTED, "self_updating"),
        ("update_firmware", {"force": False}, State.REJECTED, "self_updating"),
        ("update_firmware", {"force": True}, State.SUCCESS, None),
        ("update_firmware", {"force": True, "installer": "plc"}, State.REJECTED, "unsupported"),
        ("force_sync", {}, None, None),
    ],
)
def test_who_updates_itself_is_pinned_by_force_alone(
    kind: str, params: dict[str, Any], status: State | None, code: str | None
) -> None:
    end = unsent_end(kind, params, None, ["agent"], updates_itself=True)
    assert (end and end.status) == status
    assert (end and end.error and end.error["code"]) == code
    assert unsent_end(kind, {"force": True}, None, None, updates_itself=False) is None
    waiting = make_command(State.PENDING, type=kind, params=params)
    claim = make_claim(updates_itself=True, installers=frozenset({"agent"}))
    (step,) = plan(claim, [waiting]).steps
    assert (step.sent, step.status) == (end is None, status or State.SENT)


def test_the_line_knows_what_is_installed_before_the_database_does() -> None:
    new = make_new(type="update_firmware", params=PLC)
    for said, remembered, status in (
        (frozenset({"plc"}), ["agent"], State.SENT),
        (frozenset({"agent"}), ["plc"], State.REJECTED),
    ):
        line = ReadyLine(Generation(1), "j", frozenset(COMMANDS), installers=said)
        born = accept(new, make_target(installers=remembered), None, line)
        assert isinstance(born, Insert)
        assert born.status is status
    elsewhere = accept(new, make_target(installers=["agent"]), None, None)
    assert isinstance(elsewhere, Insert)
    assert elsewhere.error is not None
    assert elsewhere.error["code"] == "unsupported"


def test_an_update_waits_for_what_hello_says_of_installers() -> None:
    new, waiting = (
        make_new(type="update_firmware", params=PLC),
        make_command(State.PENDING, type="update_firmware", params=PLC),
    )
    line = ReadyLine(Generation(1), "j", frozenset(COMMANDS), settled=False)
    born = accept(new, make_target(), None, line)
    assert isinstance(born, Insert)
    assert born.status is State.PENDING
    assert plan(make_claim(settled=False), [waiting]).held
    (step,) = plan(make_claim(installers=frozenset({"agent"})), [waiting]).steps
    assert (step.status, step.sent) == (State.REJECTED, False)
    assert step.error is not None
    assert step.error["message"] == "the device does not support the installation of plc"
