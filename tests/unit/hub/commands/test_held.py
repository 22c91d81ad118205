from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, structs

from hub.approvals.records import Approval, NewApproval
from hub.base.errors import invalid
from hub.commands.acceptance import Submission
from hub.commands.held import (
    OUT_OF_REACH,
    awaiting_record,
    ending,
    given_by,
    held_of,
    new_approval,
    not_accepted,
    only,
    unapproved,
)
from hub.commands.requests import CommandRequest, submission_of
from protocol.commands import Command, ExecShell, PullLogs
from protocol.ids import CommandId, DeviceId
from protocol.lifecycle import State
from tests.factories import make_principal
from tests.unit.hub.approvals.test_records import make_approval

NOW = 1_700_000_000.0
LOGS = PullLogs(lines=7, id=CommandId("c1"))
ONE = [(DeviceId("d1"), CommandId("c1"))]
TWO = [*ONE, (DeviceId("d2"), CommandId("c2"))]


def held(
    command: Command = LOGS,
    targets: list[tuple[DeviceId, CommandId]] = ONE,
    *,
    batch_id: str | None = None,
    **request: Any,
) -> tuple[CommandRequest, Submission, NewApproval]:
    full = CommandRequest(command=command, **request)
    submission = submission_of(full, make_principal(), targets, now=NOW, batch_id=batch_id)
    there = [device_id for device_id, _ in targets]
    new = new_approval(full, submission, there, batch_id=batch_id, right_name=None)
    return full, submission, new


def kept(new: NewApproval) -> Approval:
    return make_approval(
        kind=new.kind,
        subject=new.subject,
        device_ids=new.device_ids,
        shown=new.shown,
        call=new.call,
        request_hash=new.request_hash,
    )


def test_what_is_kept_is_the_call_as_it_was_made() -> None:
    until = datetime(2026, 3, 1, tzinfo=UTC)
    request, _, new = held(delivery="queue", expires_at=until, key="k", path="/p", timeout_ms=500)
    assert (new.kind, new.subject, new.device_ids) == ("command", "c1", ["d1"])
    assert new.shown.command == {"type": "pull_logs", "lines": 7}
    assert new.shown.terms == {
        "timeoutMs": 500, "delivery": "queue", "expiresAt": "2026-03-01T00:00:00.000Z",
    }  # fmt: skip
    assert new.rights == ["commands/pull_logs:create"]
    assert new.ends_by == until
    assert new.key == ("user u1 /p", "k")
    call = held_of(kept(new))
    assert call.targets == ONE
    assert call.request == structs.replace(request, wait=False)


def test_a_bulk_call_is_kept_with_the_targets_that_there_are() -> None:
    request, submission, new = held(PullLogs(), TWO, batch_id="b1")
    assert (new.kind, new.subject, new.key, new.ends_by) == ("bulk", "b1", None, None)
    some = new_approval(request, submission, ["d2"], batch_id="b1", right_name=None)
    assert held_of(kept(some)).targets == TWO[1:]
    assert some.request_hash == new.request_hash


def test_it_is_the_same_call_afterwards_with_the_ids_that_it_was_given() -> None:
    _, submission, new = held(PullLogs(), TWO, batch_id="b1")
    approval = kept(new)
    call = held_of(approval)
    later = submission_of(
        call.request,
        make_principal(),
        call.targets[1:],
        now=NOW + 99,
        batch_id="b1",
        given=given_by(approval),
    )
    (command,) = later.commands
    assert (command.command_id, command.chosen, command.approval_id) == ("c2", True, "a1")
    assert command.request_hash == submission.commands[0].request_hash


def test_a_reader_sees_a_command_that_waits() -> None:
    _, _, new = held()
    record = awaiting_record(kept(new), new.shown.command)
    assert (record.status, record.success, record.command_id) == ("AWAITING", None, "c1")
    assert (record.type, record.params, record.hidden) == ("pull_logs", {"lines": 7}, UNSET)
    assert record.approval is not UNSET


def test_who_may_not_send_it_does_not_see_its_parameters() -> None:
    _, _, new = held(ExecShell(template="wipe", id=CommandId("c1")))
    record = awaiting_record(kept(new), {"type": "exec_shell", "params": "hidden"})
    assert (record.params, record.hidden) == ("hidden", ["params"])
    assert awaiting_record(kept(new), None).type == "exec_shell"


def test_what_was_promised_ends_as_it_was_decided() -> None:
    def status(code: str) -> State:
        return unapproved({"code": code, "message": ""}).status

    assert status("approval_rejected") is State.CANCELLED
    assert status("cancelled") is State.CANCELLED
    assert status("approval_expired") is State.EXPIRED
    assert not_accepted({"code": "too_many_commands", "message": ""}).status is State.REJECTED
    assert OUT_OF_REACH.error is not None
    assert OUT_OF_REACH.error["code"] == "forbidden"


def test_some_of_a_call_end_and_nothing_stands_against_that() -> None:
    _, submission, _ = held(PullLogs(), TWO, batch_id="b1", key="k")
    refused = structs.replace(submission, problem=invalid("expiresAt", "is over"))
    ends = {DeviceId("d2"): OUT_OF_REACH}
    both = ending(refused, ends)
    assert [new.end for new in both.commands] == [None, OUT_OF_REACH]
    assert both.problem is None
    assert both.key == submission.key
    alone = only(refused, ends)
    assert [new.device_id for new in alone.commands] == ["d2"]
    assert (alone.key, alone.problem) == (None, None)
