import json
from datetime import timedelta

import msgspec
import pytest

from hub.commands.records import (
    CommandFilter,
    Index,
    accepted_event,
    error_of,
    record_of,
    record_without_secrets,
    result_event,
    result_of,
    success_of,
)
from protocol.errors import CommandErrorCode
from protocol.ids import DeviceId
from protocol.lifecycle import ENDED, State
from tests.factories import MOMENT, make_command


@pytest.mark.parametrize("status", State)
def test_success_is_null_until_the_end_and_false_for_every_other_ending(status: State) -> None:
    wanted = None if status not in ENDED else status is State.SUCCESS
    assert success_of(make_command(status)) is wanted
    assert make_command(status).ended is (status in ENDED)


def test_the_frame_is_the_command_itself_with_its_deadline_and_the_time() -> None:
    now = MOMENT - timedelta(seconds=1)
    command = make_command(type="pull_logs", params={"lines": 5})
    assert json.loads(command.frame(now)) == {
        "type": "pull_logs", "id": "c1", "lines": 5, "deadline": "2026-01-02T03:04:05.000Z",
        "serverTime": "2026-01-02T03:04:04.000Z",
    }  # fmt: skip
    assert json.loads(make_command(deadline=None).frame(now))["deadline"] is None


def test_a_record_adds_to_the_result() -> None:
    command = make_command(State.SUCCESS, output="o", data={"n": 1})
    result = msgspec.to_builtins(result_of(command))
    record = msgspec.to_builtins(record_of(command))
    assert result.keys() == {"commandId", "status", "success", "output", "data", "error"}
    assert record.keys() - result.keys() == {
        "deviceId", "type", "params", "progress", "actor", "batchId", "createdAt", "deadline",
        "expiresAt", "sentAt", "finishedAt", "lateResult",
    }  # fmt: skip
    assert result.items() <= record.items()


def test_events_of_a_command() -> None:
    batch = msgspec.to_builtins(accepted_event(make_command(batch_id="b")))
    assert batch["batchId"] == "b"
    assert "batchId" not in msgspec.to_builtins(accepted_event(make_command()))
    error = error_of(CommandErrorCode.TIMEOUT, "m")
    told = msgspec.to_builtins(result_event(make_command(State.TIMEOUT, error=error)))
    assert (told["status"], told["success"], told["error"]) == ("TIMEOUT", False, error)
    assert result_event(make_command(State.SUCCESS)).error is None
    assert result_event(make_command(State.SUCCESS, finished_at=None)).ts.startswith("2026")


def test_the_first_kilobyte_of_the_output_never_splits_a_character() -> None:
    event = result_event(make_command(State.SUCCESS, output="é" * 1000))
    assert event.output == "é" * 512
    assert result_event(make_command(State.SUCCESS, output="x" + "é" * 1000)).output == (
        "x" + "é" * 511
    )
    assert result_event(make_command(State.SUCCESS)).output is None


def test_what_a_shell_was_given_and_wrote_is_hidden_from_who_may_not_send_it() -> None:
    written = {"exitCode": 0, "stdout": "s3cret", "stderr": "s3cret", "truncated": False}
    command = make_command(
        State.SUCCESS,
        type="exec_shell",
        params={"template": "t", "args": {"p": "s3cret"}},
        output="s3cret",
        data=written,
        late_result={"success": True, "output": "s3cret", "data": written},
    )
    shown = record_without_secrets(command)
    assert b"s3cret" not in msgspec.json.encode(shown)
    assert shown.hidden == ["params", "output"]
    assert shown.data == {**written, "stdout": "hidden", "stderr": "hidden"}
    assert record_without_secrets(make_command(type="exec_shell")).output is None
    assert b"hidden" not in msgspec.json.encode(record_of(command))


def test_what_a_shell_wrote_is_hidden_in_words_about_its_failure_and_progress_too() -> None:
    error = error_of(CommandErrorCode.TIMEOUT, "s3cret")
    command = make_command(
        State.FAILED,
        type="exec_shell",
        error=error,
        progress={"percent": 5, "stage": "s3cret", "message": "s3cret"},
        late_result={"success": False, "output": None, "data": None, "error": error},
    )
    shown = record_without_secrets(command)
    assert b"s3cret" not in msgspec.json.encode(shown)
    assert shown.error == {"code": "timeout", "message": "hidden"}
    assert shown.progress == {"percent": 5, "stage": "hidden", "message": "hidden"}
    assert shown.late_result == {
        "success": False, "output": None, "data": None, "error": shown.error,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (CommandFilter(), "recent"),
        (CommandFilter(status=[State.SUCCESS, State.FAILED]), "recent"),
        (CommandFilter(finished=True), "recent"),
        (CommandFilter(device_id=DeviceId("d1"), batch_id="b", finished=False), "batch"),
        (CommandFilter(device_id=DeviceId("d1"), finished=False), "unfinished"),
        (CommandFilter(status=[State.SENT, State.RUNNING]), "unfinished"),
        (CommandFilter(status=[]), "unfinished"),
        (CommandFilter(device_id=DeviceId("d1"), status=[State.FAILED]), "device"),
        (CommandFilter(status=[State.FAILED, State.TIMEOUT]), "failed"),
    ],
)
def test_a_list_goes_by_the_index_that_leaves_the_fewest(
    wanted: CommandFilter, index: Index
) -> None:
    assert wanted.index == index
