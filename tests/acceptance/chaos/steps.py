"""A replica that is killed between two steps of its work: kill -9 by itself, when a file names the
step that it passes.

    python -m tests.acceptance.chaos.steps FILE hub --port 8080
"""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct


class Step(Struct, frozen=True):
    """Before or after the call of a method, the `nth` since the process began to look for it."""

    where: Literal["before", "after"]
    module: str
    owner: str
    method: str
    nth: int = 1


STEPS: Final[dict[str, Step]] = {
    "accepted, not sent": Step("before", "hub.commands.sending", "Sender", "accepted"),
    "accepted, some sent": Step("before", "hub.commands.sending", "Sender", "accepted", 3),
    "committed as sent, not written": Step("before", "hub.commands.sending", "Sender", "_send"),
    "written": Step("after", "hub.commands.sending", "Sender", "_send"),
    "claimed, not written": Step("after", "hub.commands.store", "CommandStore", "claim"),
    "replies read, not committed": Step("before", "hub.commands.store", "CommandStore", "apply"),
    "replies committed, not acknowledged": Step(
        "before", "hub.commands.replying", "Replies", "_acknowledge"
    ),
    "replies acknowledged, not announced": Step(
        "before", "hub.commands.replying", "Replies", "_announce"
    ),
    "events copied, not committed": Step("after", "hub.telemetry.store", "TelemetryStore", "_copy"),
    "events committed, not acknowledged": Step(
        "before", "hub.telemetry.storing", "EventStorer", "_stored"
    ),
    "line registered, not welcomed": Step("after", "hub.lines.store", "LineStore", "register"),
    "session renewed, not answered": Step(
        "after", "hub.accounts.sessions", "SessionService", "renew"
    ),
    "device enrolled, not answered": Step(
        "after", "hub.enrollment.service", "EnrollmentService", "enroll"
    ),
}

OF_SCHEDULES: Final[dict[str, Step]] = {
    "due, run not written": Step("before", "hub.schedules.beginning", "Beginning", "begin"),
    "run written, not committed": Step("after", "hub.schedules.store", "ScheduleStore", "looked"),
    "run begun, not looked up": Step("before", "hub.schedules.driver", "RunDriver", "_look_up"),
    "looked up, not committed": Step("after", "hub.schedules.store", "ScheduleStore", "look_up"),
    "looked up, not admitted": Step("before", "hub.schedules.store", "ScheduleStore", "awaits"),
    "some sent, not noted": Step("after", "hub.schedules.driver", "RunDriver", "_dispatch"),
    "more sent, not noted": Step("after", "hub.schedules.driver", "RunDriver", "_dispatch", 3),
    "some noted, not committed": Step("after", "hub.schedules.store", "ScheduleStore", "sent", 2),
    "over, not closed": Step("before", "hub.schedules.store", "ScheduleStore", "close"),
}
"""Steps of a due time and its run, which chaos does not bring about."""


def main() -> None:
    file = Path(sys.argv.pop(1))
    for name, step in (STEPS | OF_SCHEDULES).items():
        owner = getattr(import_module(step.module), step.owner)
        setattr(owner, step.method, _trapped(getattr(owner, step.method), _Trap(file, name, step)))
    from longline.cli import main as longline

    longline()


class _Trap:
    def __init__(self, file: Path, name: str, step: Step) -> None:
        self._file = file
        self._name = name
        self._where = step.where
        self._left = step.nth

    def pass_by(self, where: str) -> None:
        if where != self._where or not self._is_set():
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_set(self) -> bool:
        try:
            return self._file.read_text("utf-8") == self._name
        except FileNotFoundError:
            return False


def _trapped(method: Callable[..., Any], trap: _Trap) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(*values: Any, **named: Any) -> Any:
        trap.pass_by("before")
        answer = method(*values, **named)
        trap.pass_by("after")
        return answer

    @functools.wraps(method)
    async def awaited(*values: Any, **named: Any) -> Any:
        trap.pass_by("before")
        answer = await method(*values, **named)
        trap.pass_by("after")
        return answer

    return awaited if inspect.iscoroutinefunction(method) else called


if __name__ == "__main__":
    main()
