"""Faults of the agent.

AgentError                 ends the process: one line and an exit code
├── BadSettings            a flag, variable or file of settings is wrong (2)
├── StateUnavailable       the state directory cannot be used, or another agent uses it (1)
└── EnrolmentRefused       the hub does not accept the enrolment key (1)
TurnedAway                 the hub closed with a code that says not to come back
JournalUnavailable         the database cannot be written now: refuse before running
HubUnreachable             no answer, or one that asks to try later; try again
└── WaitsForApproval       an administrator has to approve this device
CommandFailed              a command did not succeed: its error code, message and data
"""

from typing import Any, Final

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_RESTART: Final = 75
"""`restart_service` under a supervisor: start me again (EX_TEMPFAIL of sysexits.h)."""


class AgentError(Exception):
    exit_code = EXIT_FAILED

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadSettings(AgentError):
    exit_code = EXIT_USAGE


class StateUnavailable(AgentError):
    pass


class EnrolmentRefused(AgentError):
    pass


class TurnedAway(Exception):
    """`retry_after`: when to ask whether the hub has changed its mind, in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the hub no longer accepts this device")
        self.retry_after = retry_after


class JournalUnavailable(Exception):
    pass


class HubUnreachable(Exception):
    """`retry_after` is what the hub asked for, in seconds."""

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class WaitsForApproval(HubUnreachable):
    """`fingerprint` is what the administrator compares."""

    def __init__(self, fingerprint: str, *, retry_after: float) -> None:
        super().__init__(
            f"an administrator has to approve this device: its fingerprint is {fingerprint}",
            retry_after=retry_after,
        )
        self.fingerprint = fingerprint


class CommandFailed(Exception):
    """Raised by executors; becomes a result with `success` false."""

    def __init__(self, code: str, message: str, *, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def fault_in(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The `AgentError` that ended a task group; the group itself when it was a defect."""
    found = group.subgroup(AgentError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found or group
