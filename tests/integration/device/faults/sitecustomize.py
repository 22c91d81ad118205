"""Imported by Python at its start, when this folder is on PYTHONPATH: kill -9 at a chosen step.

A step is one change of the files that count in an update: directly in one of FAULT_FOLDERS, by
whichever process of the launcher or the agent. Each is a byte in the file FAULT_STEPS; the process
that is about to take step FAULT_AT dies instead.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

_STEPS = ("replace", "rename", "fsync", "symlink", "unlink", "mkdir", "rmdir")


def _install(folders: list[str], steps: str, fatal: int) -> None:
    for name in _STEPS:
        setattr(os, name, _counted(getattr(os, name), folders, steps, fatal))


def _counted(
    real: Callable[..., Any], folders: list[str], steps: str, fatal: int
) -> Callable[..., Any]:
    def call(target: Any, *rest: Any, **named: Any) -> Any:
        if _counts(target, folders):
            with open(steps, "ab", buffering=0) as file:  # noqa: PTH123
                file.write(b".")
                if file.tell() == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
        return real(target, *rest, **named)

    return call


def _counts(target: int | str | os.PathLike[str], folders: list[str]) -> bool:
    try:
        path = (
            os.readlink(f"/proc/self/fd/{target}")  # noqa: PTH115
            if isinstance(target, int)
            else os.fspath(target)
        )
    except OSError:
        return False
    return path in folders or os.path.dirname(path) in folders  # noqa: PTH120


if "FAULT_STEPS" in os.environ:
    _install(
        os.environ["FAULT_FOLDERS"].split(":"),
        os.environ["FAULT_STEPS"],
        int(os.environ.get("FAULT_AT", "0")),
    )
