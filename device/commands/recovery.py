"""What a new process reports of the commands that the one before it left in the journal.

| found | reported |
|---|---|
| received | nothing: it may still run, when the hub sends it again |
| started, expecting a new process (`restart_service`) | success: this is the new process |
| started, expecting a new boot (`reboot_os`, `shutdown_os`) | success under another OS boot id |
| started, an update that is written down as made (`swapped`) | success: it was |
| started, a push whose trial goes on in this process | nothing yet |
| started, a push that was undone at this start | failure, `rolled_back` |
| started, expecting to run again (`redeliver` of the device's own) | nothing, as if not started |
| started, anything else | `unknown`: it is never run again |
| done | the stored result |
"""

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct, structs

from protocol.commands import Command, RebootOs, RestartService, ShutdownOs
from protocol.ids import CommandId
from protocol.replies import Result, ResultError

Expects = Literal["process", "boot", "again"]
"""Whose restart proves that a command has worked; `again`: none does, and it may run once more."""


class JournalRow(Struct, frozen=True, kw_only=True):
    """A command as the journal has it. Not started: `os_boot_id` is None; not done: `result`."""

    id: CommandId
    kind: str = ""
    os_boot_id: str | None = None
    expects: Expects | None = None
    result: Result | None = None


RESTARTED: Final = {
    "process": "The agent has restarted.",
    "boot": "The operating system has restarted.",
}


def expects_of(command: Command) -> Expects | None:
    match command:
        case RestartService():
            return "process"
        case RebootOs() | ShutdownOs():
            return "boot"
        case _:
            return None


def swapped(rows: Iterable[JournalRow], command_id: str | None) -> list[JournalRow]:
    """`rows`, with the command whose update was made known to have worked: the agent may have ended
    between putting the new version in place and saying so."""
    return [
        structs.replace(row, expects="process")
        if row.id == command_id and row.os_boot_id is not None
        else row
        for row in rows
    ]


def rolled_back(rows: Iterable[JournalRow], command_id: str | None) -> list[JournalRow]:
    """`rows`, with the push that was undone at this start known to have failed."""
    return [
        structs.replace(row, result=_undone(row.id))
        if row.id == command_id and row.os_boot_id is not None and row.result is None
        else row
        for row in rows
    ]


def _undone(command_id: CommandId) -> Result:
    error = ResultError(code="rolled_back", message="the agent ended while it was on trial")
    return Result(command_id=command_id, success=False, error=error)


def verdict(row: JournalRow, os_boot_id: str) -> Result | None:
    """The result to report of `row` after a start under `os_boot_id`; None = not started."""
    if row.result is not None:
        return row.result
    if row.os_boot_id is None or row.expects == "again":
        return None
    if row.expects == "process" or (row.expects == "boot" and row.os_boot_id != os_boot_id):
        return Result(command_id=row.id, success=True, output=RESTARTED[row.expects])
    return Result(
        command_id=row.id,
        success=False,
        outcome="unknown",
        error=ResultError(code="unknown", message="the agent stopped while the command ran"),
    )
