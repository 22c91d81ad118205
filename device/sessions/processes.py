"""Ends whatever a session has started: its process session, and every process that carries its
variable.

A process that leaves the process session and drops the variable is out of reach.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

VARIABLE: Final = "LONGLINE_SESSION"
GRACE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.05
_PROC: Final = Path("/proc")


def processes_of(session_id: str, leader: int | None) -> set[int]:
    """Those alive: never this one, nor pid 1."""
    mark = f"{VARIABLE}={session_id}".encode()
    return {
        pid
        for pid in _pids()
        if (leader is not None and _session_of(pid) == leader) or _carries(pid, mark)
    } - {os.getpid(), 0, 1}


def _pids() -> Iterable[int]:
    return [int(each.name) for each in _PROC.iterdir() if each.name.isdecimal()]


def _session_of(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # pid (name) state ppid pgrp session …; a name may hold anything.
    state, _, _, session, *_ = stat[stat.rindex(b")") + 2 :].split()
    return None if state == b"Z" else int(session)


def _carries(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def started_at(pid: int) -> str | None:
    """Since the start of the machine: with it, no later process of the same number is meant."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return stat[stat.rindex(b")") + 2 :].split()[19].decode()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


async def end_processes(session_id: str, leader: int | None) -> None:
    """SIGHUP, and SIGKILL for what is alive five seconds later."""
    loop = asyncio.get_running_loop()
    alive = await asyncio.to_thread(processes_of, session_id, leader)
    _signal(alive, signal.SIGHUP)
    _signal(alive, signal.SIGCONT)
    until = loop.time() + GRACE_SECONDS
    while alive and loop.time() < until:
        await asyncio.sleep(LOOK_SECONDS)
        alive = await asyncio.to_thread(processes_of, session_id, leader)
    while alive:  # one may fork while it is looked for
        _signal(alive, signal.SIGKILL)
        await asyncio.sleep(LOOK_SECONDS)
        found = await asyncio.to_thread(processes_of, session_id, leader)
        if found == alive and loop.time() > until + GRACE_SECONDS:
            return  # not ours to end
        alive = found


def may_signal_others() -> bool:
    """Whether this process has CAP_KILL."""
    for line in (_PROC / "self" / "status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & (1 << 5))
    return False
