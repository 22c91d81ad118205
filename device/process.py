"""Running another program: no shell, its own process group, a time limit, a bound on its output.

When the run ends, for whatever reason, the whole group is gone: first SIGTERM, after two seconds
SIGKILL. Standard input has what the caller gives, and `LONGLINE_*` variables are not handed on.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from device.base.output import Capture, Written
from device.settings import without_secrets

TERM_SECONDS: Final = 2.0
EOF_SECONDS: Final = 1.0
_CHUNK: Final = 16 * 1024


class CannotRun(Exception):
    """The program is not there or may not be run."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TimedOut(Exception):
    """The time limit passed; `finished` has what was written until then."""

    def __init__(self, finished: "CompletedProcess") -> None:
        super().__init__("time limit passed")
        self.finished = finished


class CompletedProcess(Struct, frozen=True, kw_only=True):
    exit_code: int
    """Negative: the signal that ended it."""
    stdout: Written
    stderr: Written


async def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    stdout_limit: int,
    stderr_limit: int,
    stdin: bytes = b"",
    seen: Callable[[bytes], None] | None = None,
) -> CompletedProcess:
    """Run `argv` to its end; `seen` is given standard output as it comes. Raises `CannotRun` and
    `TimedOut`; cancelling kills the group."""
    process = await _start(argv, reads=bool(stdin))
    out, err = Capture(stdout_limit, seen), Capture(stderr_limit)
    timed_out = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await _follow(process, out, err, stdin)
    except TimeoutError:
        timed_out = True
    finally:
        await _end_group(process)
    finished = CompletedProcess(
        exit_code=process.returncode if process.returncode is not None else -signal.SIGKILL,
        stdout=out.written(),
        stderr=err.written(),
    )
    if timed_out:
        raise TimedOut(finished)
    return finished


async def _start(argv: Sequence[str], *, reads: bool) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if reads else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=without_secrets(),
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotRun(f"cannot run {argv[0]}: {reason}") from None


async def _follow(
    process: asyncio.subprocess.Process, out: Capture, err: Capture, stdin: bytes
) -> None:
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both are pipes")
    async with asyncio.TaskGroup() as tasks:
        readers = [
            tasks.create_task(_drain(process.stdout, out)),
            tasks.create_task(_drain(process.stderr, err)),
        ]
        feeder = tasks.create_task(_feed(process.stdin, stdin))
        await process.wait()
        feeder.cancel()
        # A grandchild may hold the pipe open for ever; what it writes later is not ours.
        _, late = await asyncio.wait(readers, timeout=EOF_SECONDS)
        for reader in late:
            reader.cancel()


async def _feed(stream: asyncio.StreamWriter | None, stdin: bytes) -> None:
    """A program need not read what it is given."""
    if stream is None:
        return
    with contextlib.suppress(ConnectionError):
        stream.write(stdin)
        await stream.drain()
    stream.close()


async def _drain(stream: asyncio.StreamReader, capture: Capture) -> None:
    while chunk := await stream.read(_CHUNK):
        capture.take(chunk)


async def _end_group(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERM_SECONDS):
                await process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(leader: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal_number)
