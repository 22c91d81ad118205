"""A login shell of this device, in a process session of its own, with a terminal or with pipes."""

import asyncio
import contextlib
import fcntl
import os
import pty
import pwd
import struct
import termios
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from device.base.session_settings import RefusedSession
from device.sessions.processes import VARIABLE, end_processes, may_signal_others
from device.sessions.session_journal import SessionJournal
from device.sessions.stream import Stream, StreamLost
from protocol.sessions import (
    CLOSE,
    END_OF_STDIN,
    LONGEST_DATA,
    STDERR,
    STDIN,
    STDOUT,
    ShellParams,
    exited,
    size_in,
)

LAST_SECONDS: Final = 1.0
"""For what was written before the shell ended, whatever still holds the terminal."""
USUAL_SHELL: Final = "/bin/sh"
END_OF_FILE: Final = b"\x04"
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ")


class Login(Struct, frozen=True):
    """Whose shell it is."""

    shell: str
    home: str
    name: str
    become: tuple[int, int] | None
    """(uid, gid) of another user than the agent's."""


def login_of(user: str | None) -> Login:
    """Raises `RefusedSession`."""
    try:
        entry = pwd.getpwuid(os.getuid()) if user is None else pwd.getpwnam(user)
    except KeyError:
        if user is not None:
            raise RefusedSession("not_found", f"there is no user {user}") from None
        return Login(USUAL_SHELL, "/", str(os.getuid()), None)
    other = entry.pw_uid != os.getuid()
    if other and os.getuid() != 0:
        raise RefusedSession("not_allowed", f"the agent cannot become {user}")
    if other and not may_signal_others():
        raise RefusedSession("cannot_end", "the agent lacks CAP_KILL")
    shell = entry.pw_shell if os.access(entry.pw_shell or "", os.X_OK) else USUAL_SHELL
    become = (entry.pw_uid, entry.pw_gid) if other else None
    return Login(shell, entry.pw_dir, entry.pw_name, become)


def environment(login: Login, session_id: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the agent's own, which may hold keys."""
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        **kept,
        "HOME": login.home,
        "USER": login.name,
        "LOGNAME": login.name,
        "SHELL": login.shell,
        "TERM": "xterm-256color",
        VARIABLE: session_id,
    }


class ShellProgram:
    """Its process, and what it is read from and written to."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        outputs: Mapping[int, asyncio.StreamReader],
        stdin: asyncio.StreamWriter,
        master: int | None,
    ) -> None:
        self.process = process
        self.outputs = outputs
        self._stdin = stdin
        self._master = master

    async def take(self, message: bytes) -> None:
        """Of the person."""
        with contextlib.suppress(ConnectionError, OSError):
            if message[0] == STDIN:
                self._stdin.write(message[1:])
                await self._stdin.drain()
            elif message == END_OF_STDIN and self._master is not None:
                self._stdin.write(END_OF_FILE)
            elif message[0] == CLOSE:
                self._stdin.close()
            elif self._master is not None and (size := size_in(message)) is not None:
                resize(self._master, *size)

    def close(self) -> None:
        self._stdin.close()
        if self._master is not None:
            with contextlib.suppress(OSError):
                os.close(self._master)


def resize(master: int, width: int, height: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


async def start(params: ShellParams, session_id: str) -> ShellProgram:
    """Raises `RefusedSession`, `OSError`."""
    login = login_of(params.user)
    options: dict[str, Any] = {
        "env": environment(login, session_id, os.environ),
        "cwd": login.home if os.access(login.home, os.X_OK) else "/",
        "start_new_session": True,
        "executable": login.shell,
    }
    if login.become is not None:
        uid, gid = login.become
        options |= {"user": uid, "group": gid, "extra_groups": os.getgrouplist(login.name, gid)}
    argv0 = "-" + os.path.basename(login.shell)  # noqa: PTH119 - of a login shell
    if params.tty:
        return await _on_terminal(argv0, options)
    process = await asyncio.create_subprocess_exec(
        argv0, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, **options,
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - pipes were asked for
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    outputs = {STDOUT: process.stdout, STDERR: process.stderr}
    return ShellProgram(process, outputs, process.stdin, None)


async def _on_terminal(argv0: str, options: dict[str, Any]) -> ShellProgram:
    master, slave = pty.openpty()
    try:
        resize(master, 80, 24)
        process = await asyncio.create_subprocess_exec(
            argv0, stdin=slave, stdout=slave, stderr=slave, preexec_fn=_take_terminal, **options
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    reader, writer = await _ends(master)
    return ShellProgram(process, {STDOUT: reader}, writer, master)


def _take_terminal() -> None:
    """In the child, which leads its process session by now."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _ends(master: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A terminal's master is read and written apart, each by a descriptor of its own."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(os.dup(master), "rb", 0))
    transport, flow = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(os.dup(master), "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, flow, None, loop)


async def serve_shell(
    stream: Stream,
    program: ShellProgram,
    session_id: str,
    journal: SessionJournal,
) -> None:
    """Until the shell has exited, or the stream is lost. Nothing of it is left behind."""
    leader = program.process.pid
    try:
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(_take(stream, program))
            giving = [
                tasks.create_task(_give(stream, channel, reader))
                for channel, reader in program.outputs.items()
            ]
            gone = tasks.create_task(stream.gone())
            exit_code = asyncio.create_task(program.process.wait())
            await asyncio.wait([taking, gone, exit_code], return_when=asyncio.FIRST_COMPLETED)
            if exit_code.done():
                await asyncio.wait(giving, timeout=LAST_SECONDS)
            for task in (taking, gone, *giving):
                task.cancel()
            if exit_code.done():
                await _say_last(stream, exited(exit_code.result()))
            exit_code.cancel()
    finally:
        await asyncio.shield(_end(program, session_id, leader, journal))


async def _end(
    program: ShellProgram, session_id: str, leader: int, journal: SessionJournal
) -> None:
    await end_processes(session_id, leader)
    program.close()
    journal.remove(session_id)


async def _take(stream: Stream, program: ShellProgram) -> None:
    async for message in stream.messages():
        await program.take(message)


async def _give(stream: Stream, channel: int, reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError, StreamLost):  # a terminal whose holders are gone: EIO
        while data := await reader.read(LONGEST_DATA):
            await stream.send(channel, data)


async def _say_last(stream: Stream, message: bytes) -> None:
    with contextlib.suppress(StreamLost):
        await stream.say(message)
