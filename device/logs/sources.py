"""Where `pull_logs` reads: journald, files, a container engine, or the agent's own log.

A source is named `journald`, `file:<path>` (only paths of `logs.files`), `container:<name>` (only
names of `logs.containers`) or `agent`. A pull that names none gets `logs.default`, else journald if
it has entries, else the first of the files that is there, else the agent's own log.
"""

import asyncio
import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from device import process
from device.base.errors import CommandFailed
from device.base.output import Written, excerpt
from device.base.text import decode
from device.logs.own_log import LogEntry, OwnLog, at_least
from device.settings import Settings
from protocol.commands import Level

JOURNALCTL_SECONDS: Final = 30.0
MOST_BYTES: Final = 32 * 1024 * 1024
FIRST_WINDOW: Final = 64 * 1024
SAID_BYTES: Final = 1024

_PRIORITIES: Final[dict[Level, str]] = {"DEBUG": "7", "INFO": "6", "WARN": "4", "ERROR": "3"}
_LEVEL_WORD: Final = re.compile(
    r"\b(?:(DEBUG|TRACE)|(INFO|NOTICE)|(WARN(?:ING)?)|(ERROR|CRITICAL|FATAL|PANIC))\b",
    re.IGNORECASE,
)
_WORD_LEVELS: Final[tuple[Level, ...]] = ("DEBUG", "INFO", "WARN", "ERROR")


class _JournalEntry(Struct, frozen=True):
    """A line of `journalctl -o json`; a message that is not UTF-8 comes as a list of bytes."""

    message: str | list[int] | None = msgspec.field(name="MESSAGE", default=None)
    priority: str = msgspec.field(name="PRIORITY", default="6")
    microseconds: str = msgspec.field(name="__REALTIME_TIMESTAMP", default="0")


class _OwnLine(Struct, frozen=True):
    """A line of the agent's own log."""

    ts: datetime
    level: Level


_own_line: Final = msgspec.json.Decoder(_OwnLine)
_journal_entry: Final = msgspec.json.Decoder(_JournalEntry)


class LogSources:
    def __init__(self, settings: Settings, own: OwnLog) -> None:
        self._files = settings.logs.files
        self._containers = settings.logs.containers
        self.private = settings.state
        """The agent's own directory."""
        self._default = settings.logs.default
        self._engine = settings.containers.socket
        self._own = own

    async def pull(
        self, source: str | None, lines: int, level: Level | None
    ) -> tuple[str, list[LogEntry]]:
        """The source that was read and its last `lines` lines of at least `level`, oldest first.

        Raises `CommandFailed`: `bad_source`, `source_not_found`, `source_failed`,
        `engine_unavailable`."""
        name = await self.name_of(source)
        match name.split(":", 1):
            case ["agent"]:
                return name, await asyncio.to_thread(_own_lines, self._own, lines, level)
            case ["journald"]:
                return name, await _journal(lines, level)
            case ["file", path] if path in self._files:
                found = await asyncio.to_thread(tail, Path(path), lines, level, self.private)
                return name, found
            case ["container", container] if container in self._containers:
                return name, await self._container(container, lines, level)
            case _:
                message = f"{name!r} is not a log source of this device"
                raise CommandFailed("bad_source", message)

    async def to_follow(
        self, source: str | None, lines: int
    ) -> tuple[str, list[LogEntry], BinaryIO]:
        """As `pull`, of a file; it is open behind the last of the lines.

        Raises `CommandFailed`: `bad_source`, `source_not_found`."""
        name = await self.name_of(source)
        kind, _, path = name.partition(":")
        if kind != "file" or path not in self._files:
            raise CommandFailed("bad_source", f"{name!r} cannot be followed on this device")
        file = await asyncio.to_thread(opened, Path(path), self.private)
        try:
            return name, await asyncio.to_thread(_last_of, file, lines, None, guessed), file
        except BaseException:
            file.close()
            raise

    async def name_of(self, source: str | None) -> str:
        """The source that is read where this one is asked for."""
        return source or self._default or await self._first_there()

    async def _first_there(self) -> str:
        if await _journal_has_entries():
            return "journald"
        there = await asyncio.to_thread(_first_file, self._files)
        return f"file:{there}" if there else "agent"

    async def _container(self, name: str, lines: int, level: Level | None) -> list[LogEntry]:
        # A fifth of the agent's start and 20 MiB, for which most devices have no use.
        from device.logs import containers

        socket = engine_socket(self._engine)
        if socket is None:
            raise CommandFailed("engine_unavailable", "this device has no container engine")
        written = await containers.last_lines(socket, name, lines)
        return _matching(map(_container_entry, written), level)


USUAL_SOCKETS: Final = ("/var/run/docker.sock", "/run/podman/podman.sock")


def engine_socket(configured: str | None) -> str | None:
    """The socket of the container engine that is there, or None."""
    candidates = (configured,) if configured else USUAL_SOCKETS
    return next((path for path in candidates if Path(path).is_socket()), None)


def _first_file(paths: Iterable[str]) -> str | None:
    return next((path for path in paths if Path(path).is_file()), None)


async def _journal_has_entries() -> bool:
    if shutil.which("journalctl") is None:
        return False
    try:
        return bool(await _journal(1, None))
    except CommandFailed:
        return False


async def _journal(lines: int, level: Level | None) -> list[LogEntry]:
    argv = ["journalctl", "--no-pager", "--quiet", "--output=json", f"--lines={lines}"]
    argv.append("--output-fields=MESSAGE,PRIORITY")
    if level is not None:
        argv.append(f"--priority={_PRIORITIES[level]}")
    try:
        finished = await process.run(
            argv,
            timeout_seconds=JOURNALCTL_SECONDS,
            stdout_limit=MOST_BYTES // 2,  # of either end
            stderr_limit=SAID_BYTES,
        )
    except process.CannotRun as error:
        raise CommandFailed("source_not_found", error.message) from None
    except process.TimedOut:
        raise CommandFailed("source_failed", "journalctl took too long") from None
    if finished.exit_code != 0:
        said = excerpt(finished.stderr, SAID_BYTES, failed=True).strip()
        raise CommandFailed("source_failed", said or "journalctl failed")
    return [entry for raw in _newest(finished.stdout) if (entry := _from_journal(raw))]


def _newest(written: Written) -> list[bytes]:
    """Its lines, but for what was left out and what stands before that."""
    if written.left_out:
        return written.tail.splitlines()
    return (written.head + written.tail).splitlines()


def _from_journal(raw: bytes) -> LogEntry | None:
    try:
        found = _journal_entry.decode(raw)
        ts = datetime.fromtimestamp(int(found.microseconds) / 1e6, UTC)
        line = decode(bytes(found.message)) if isinstance(found.message, list) else found.message
    except (msgspec.MsgspecError, ValueError):
        return None
    return LogEntry(line or "", _of_priority(found.priority), ts)


def _of_priority(priority: str) -> Level:
    number = int(priority) if priority.isdecimal() else 6
    return next(level for level in reversed(_WORD_LEVELS) if number <= int(_PRIORITIES[level]))


def tail(path: Path, lines: int, level: Level | None, private: Path) -> list[LogEntry]:
    """The last matching lines of a file, looking back over at most 32 MiB. Raises `CommandFailed`.

    The window doubles until it holds enough, so a few lines cost little whatever the file's size.
    Logs may be links, and whoever owns the place may lead one anywhere: not into `private`, and
    not to what is no file.
    """
    with opened(path, private) as file:
        return _last_of(file, lines, level, guessed)


def _last_of(
    file: BinaryIO, lines: int, level: Level | None, entry_of: Callable[[str], LogEntry]
) -> list[LogEntry]:
    window = FIRST_WINDOW
    while True:
        chunk, reached_start = _last_bytes(file, window)
        whole = chunk.splitlines() if reached_start else chunk.splitlines()[1:]
        found = _matching((entry_of(decode(raw)) for raw in whole), level)
        if reached_start or len(found) >= lines or window >= MOST_BYTES:
            return found[-lines:]
        window *= 4


def _own_lines(own: OwnLog, lines: int, level: Level | None) -> list[LogEntry]:
    """Of this process and of those before, oldest first."""
    if own.file is None or not own.file.is_whole:
        return own.last(lines, level)
    found: list[LogEntry] = []
    for path in own.file.files:
        if len(found) < lines:
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                found = _last_of(file, lines - len(found), level, _own_entry) + found
    return found


def _own_entry(line: str) -> LogEntry:
    try:
        written = _own_line.decode(line)
    except msgspec.MsgspecError:
        return guessed(line)
    return LogEntry(line, written.level, written.ts)


def opened(path: Path, private: Path) -> BinaryIO:
    """A regular file that is none of the agent's own. Raises `CommandFailed`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise CommandFailed("source_not_found", f"{path}: {error.strerror}") from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and not _is_within(status, private):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise CommandFailed("source_not_found", f"{path}: not a log file")


def _is_within(status: os.stat_result, private: Path) -> bool:
    """Whether it is a file of the agent's own, by whatever name it was opened."""
    return any(
        os.path.samestat(status, found)
        for each in private.rglob("*")
        if (found := _status(each)) is not None
    )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _last_bytes(file: BinaryIO, window: int) -> tuple[bytes, bool]:
    size = file.seek(0, 2)
    start = max(0, size - window)
    file.seek(start)
    return file.read(size - start), start == 0


def _container_entry(written: str) -> LogEntry:
    stamp, _, line = written.partition(" ")
    try:
        ts = datetime.fromisoformat(stamp)
    except ValueError:
        return guessed(written)
    return LogEntry(line, guessed(line).level, ts if ts.tzinfo else None)


def guessed(line: str) -> LogEntry:
    """A line of text whose level, if any, is the first such word in it."""
    word = _LEVEL_WORD.search(line)
    level = _WORD_LEVELS[(word.lastindex or 2) - 1] if word else "INFO"
    return LogEntry(line, level)


def _matching(entries: Iterable[LogEntry], level: Level | None) -> list[LogEntry]:
    return [entry for entry in entries if at_least(entry.level, level)]
