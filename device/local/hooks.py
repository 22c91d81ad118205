"""Runs hooks after a change, one at a time. One that fails is an alert, and undoes nothing."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from device import process
from device.base.errors import JournalUnavailable
from device.base.output import excerpt
from device.events.disk_outbox import DiskOutbox
from device.local.hook_queue import HookQueue
from device.local.local_state import LocalState, Section, line_of
from device.settings import Hook
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

MOST_OUTPUT: Final = 4096


class Hooks:
    def __init__(self, hooks: Sequence[Hook], alerts: DiskOutbox) -> None:
        self._queue = HookQueue(hooks)
        self._alerts = alerts
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def changed(self, sections: frozenset[Section], state: LocalState) -> None:
        self._queue.changed(sections, state)
        self._idle.clear()
        self._wake.set()

    async def idle(self) -> None:
        """Wait until none runs and none waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (turn := self._queue.next()) is not None:
                await self._run(*turn)
            self._idle.set()

    async def _run(self, hook: Hook, state: LocalState) -> None:
        failure = await _failure_of(hook, state)
        if failure is None:
            return
        _log.error("hook_failed", hook=hook.argv[0], reason=failure)
        alert = Alert(severity="WARN", code="hook_failed", message=f"{hook.argv[0]}: {failure}")
        with contextlib.suppress(JournalUnavailable):  # then the log has it
            await self._alerts.add(alert)


async def _failure_of(hook: Hook, state: LocalState) -> str | None:
    try:
        finished = await process.run(
            hook.argv,
            timeout_seconds=hook.timeout_seconds,
            stdout_limit=MOST_OUTPUT,
            stderr_limit=MOST_OUTPUT,
            stdin=line_of(state),
        )
    except process.CannotRun as error:
        return error.message
    except process.TimedOut as error:
        return _with_end(f"longer than {hook.timeout_seconds:g} s", error.finished)
    if finished.exit_code == 0:
        return None
    return _with_end(f"exit code {finished.exit_code}", finished)


def _with_end(what: str, finished: process.CompletedProcess) -> str:
    said = excerpt(finished.stderr, MOST_OUTPUT, failed=True).strip()
    return f"{what}\n{said}" if said else what
