"""Starts the agent: decides which version, writes that down, and becomes it.

The supervisor runs this, and it executes the version in its own place: no process stays behind, and
signals and exit codes are the agent's. A version on trial is given an alarm clock (`alarm(2)`
survives `exec`): one that hangs is killed by it, and the supervisor runs the launcher again.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import structlog

from device.logs.own_log import OwnLog
from device.update.bars import with_bar
from device.update.last_words import divert, hand_on
from device.update.own_version import installed_version
from device.update.trial import Slot, StartConditions, StartDecision, at_start, instead
from device.update.versions import Versions

_log = structlog.stdlib.get_logger()

VARIABLE: Final = "LONGLINE_VERSIONS_DIR"
"""Tells the agent that a launcher starts it, and where versions are."""
TRIAL_SECONDS: Final = 330
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def launch(root: Path, arguments: Sequence[str], *, trial_seconds: int) -> NoReturn:
    """Become the version of `longline device` that is to run, with these arguments."""
    OwnLog("INFO").configure()
    versions = Versions(root.resolve())
    said = hand_on(versions.trial_log)
    start = decide(versions, trial_seconds=trial_seconds, said=said)
    environ = {**os.environ, VARIABLE: str(versions.root)}
    if start.on_trial:
        signal.alarm(trial_seconds)
    if start.on_trial or start.has_crashed:
        environ |= divert(versions.trial_log)
    program = command_line(versions, start.slot)
    sys.stderr.flush()
    os.execve(program[0], [*program, "device", *arguments, "--supervised"], environ)  # noqa: S606


def decide(versions: Versions, *, trial_seconds: int, said: str = "") -> StartDecision:
    """What to run, written down. Whatever the disk does, there is an answer. `said` is the end of
    what a version on trial wrote to standard error."""
    record, usable = versions.read(), versions.usable()
    conditions = StartConditions(
        linked=versions.linked(),
        usable=usable,
        installed=installed_version(),
        now=time.clock_gettime(time.CLOCK_BOOTTIME),
        trial_seconds=trial_seconds,
        said=said,
        boot=_boot(),
    )
    start = at_start(record, conditions)
    try:
        if start.bar is not None:
            versions.write_bars(with_bar(versions.bars(), start.bar))
        if start.record is not None:
            versions.write(start.record)
        if conditions.linked != start.slot:
            versions.link(start.slot)
    except OSError as error:
        _log.error("versions_not_written", reason=error.strerror)
        if start.on_trial:
            start = StartDecision(slot=instead(record, usable=usable))
    _log.info("agent_starts", slot=start.slot or "installed", on_trial=start.on_trial)
    return start


def _boot() -> str:
    """What names the present start of the machine; empty where nothing does."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def command_line(versions: Versions, slot: Slot | None) -> list[str]:
    """A slot by its own path: `current` may point elsewhere before its last module is imported."""
    if slot is None:
        return [sys.executable, "-P", "-m", "longline"]
    return [sys.executable, str(versions.path(slot))]
