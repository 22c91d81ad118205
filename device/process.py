"""Running another program: no shell, its own process group, a time limit, a bound on its output.

When the run ends, for whatever reason, the whole group is gone: first SIGTERM, after two seconds
SIGKILL. Standard input has what the caller gives, and `LONGLINE_*` variables are not handed on.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Collection, Sequence
from typing import Final

from msgspec import Struct

from device.base.output import Capture, Written
from device.settings import without_secrets

TERM_SECONDS: Final = 2.0
EOF_SECONDS: Final = 1.0
_CHUNK: Final = 16 * 1024
_PIPE_LIMIT: Final = 64 * 1024


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Says when the program has ended. asyncio's own `wait` waits for its pipes as well, which what
    the program has left behind may hold open for ever."""

    def __init__(self) -> None:
        super().__init__(_PIPE_LIMIT, asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


class _Program(Struct, frozen=True):
    process: asyncio.subprocess.Process
    transport: asyncio.SubprocessTransport
    exited: asyncio.Event


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
    secrets: Collection[str] = (),
) -> CompletedProcess:
    """Run `argv` to its end; `seen` is given standard output as it comes. Nothing of what is kept
    or seen holds `secrets`. Raises `CannotRun` and
    `TimedOut`; cancelling kills the group."""
    program = await _started(argv, reads=bool(stdin))
    out = Capture(stdout_limit, seen, secrets)
    err = Capture(stderr_limit, secrets=secrets)
    timed_out = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await _follow(program, out, err, stdin)
    except TimeoutError:
        timed_out = True
    finally:
        await _end(program)
    code = program.transport.get_returncode()
    finished = CompletedProcess(
        exit_code=code if code is not None else -signal.SIGKILL,
        stdout=out.written(),
        stderr=err.written(),
    )
    if timed_out:
        raise TimedOut(finished)
    return finished


async def _started(argv: Sequence[str], *, reads: bool) -> _Program:
    """Raises `CannotRun`. A start is never cut off half-way: asyncio would wait for the program's
    end, for ever if need be."""
    starting = asyncio.ensure_future(_start(argv, reads=reads))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(CannotRun):
            await _end(await starting)
        raise


async def _start(argv: Sequence[str], *, reads: bool) -> _Program:
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            _Protocol,
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
    process = asyncio.subprocess.Process(transport, protocol, loop)
    return _Program(process, transport, protocol.exited)


async def _follow(program: _Program, out: Capture, err: Capture, stdin: bytes) -> None:
    process = program.process
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both are pipes")
    async with asyncio.TaskGroup() as tasks:
        readers = [
            tasks.create_task(_drain(process.stdout, out)),
            tasks.create_task(_drain(process.stderr, err)),
        ]
        feeder = tasks.create_task(_feed(process.stdin, stdin))
        await program.exited.wait()
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


async def _end(program: _Program) -> None:
    pid = program.process.pid
    if not program.exited.is_set():
        _signal_group(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERM_SECONDS):
                await program.exited.wait()
    _signal_group(pid, signal.SIGKILL)
    await program.exited.wait()
    program.transport.close()


def _signal_group(leader: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal_number)
