import pytest

from device.commands.recovery import JournalRow, expects_of, rolled_back, swapped, verdict
from protocol.commands import ForceSync, RebootOs, RestartService, ShutdownOs
from protocol.ids import CommandId
from tests.unit.device.factories import make_result

C1 = CommandId("c1")


@pytest.mark.parametrize(
    ("row", "success", "outcome"),
    [
        (JournalRow(id=C1, os_boot_id="now"), False, "unknown"),
        (JournalRow(id=C1, os_boot_id="now", expects="process"), True, None),
        (JournalRow(id=C1, os_boot_id="now", expects="boot"), False, "unknown"),
        (JournalRow(id=C1, os_boot_id="before", expects="boot"), True, None),
        (JournalRow(id=C1, os_boot_id="before"), False, "unknown"),
    ],
)
def test_what_is_reported_of_a_command_that_was_started(
    row: JournalRow, *, success: bool, outcome: str | None
) -> None:
    result = verdict(row, "now")
    assert result is not None
    assert (result.success, result.outcome) == (success, outcome)


def test_what_was_not_started_may_still_run_and_what_is_done_stands() -> None:
    assert verdict(JournalRow(id=C1), "now") is None
    assert (
        verdict(JournalRow(id=C1, os_boot_id="now", result=make_result()), "now") == make_result()
    )


def test_whose_restart_proves_success() -> None:
    assert expects_of(RestartService()) == "process"
    assert expects_of(RebootOs()) == "boot"
    assert expects_of(ShutdownOs()) == "boot"
    assert expects_of(ForceSync()) is None


def test_an_update_that_is_written_down_was_made() -> None:
    rows = [
        JournalRow(id=C1, os_boot_id="before"),
        JournalRow(id=CommandId("c2"), os_boot_id="before"),
    ]

    made = verdict(swapped(rows, C1)[0], "now")
    assert made is not None
    assert made.success
    assert swapped(rows, None) == rows
    assert swapped([JournalRow(id=C1)], C1) == [JournalRow(id=C1)]


def test_a_push_that_was_undone_at_the_start_has_failed() -> None:
    rows = [JournalRow(id=C1, os_boot_id="now"), JournalRow(id=CommandId("c2"), os_boot_id="now")]
    undone, other = rolled_back(rows, C1)
    failed = verdict(undone, "now")
    assert failed is not None
    assert failed.error is not None
    assert (failed.success, failed.error.code) == (False, "rolled_back")
    assert other == rows[1]
    done = [JournalRow(id=C1, os_boot_id="now", result=make_result(C1))]
    assert rolled_back(done, C1) == done
    assert rolled_back([JournalRow(id=C1)], C1) == [JournalRow(id=C1)]
