"""A folder in which local programs drop files of records, one JSON object a line.

A file counts from the moment it has its name (`*.jsonl`, `*.ndjson`, `*.json`): write it under
another name, or with a leading dot, and rename it. When all of it is on disk it is deleted. Lines
that are refused go with their reason into `rejected/` of the state directory. While the queue is
full, or the device is disabled, the file stays. How far a file has been read is kept in the
transaction that takes its records, and each record has an id; so a crash neither loses nor doubles
one.
"""

import asyncio
import contextlib
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import structlog

from device.base.files import PRIVATE
from device.base.sharing import DROP_DIRECTORY, Sharing
from device.records.intake import MOST_LINE_BYTES, IntakeAnswer, RecordIntake
from device.records.queue import Note, RecordQueue
from protocol.codec import encode

_log = structlog.stdlib.get_logger()

SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
LOOK_SECONDS: Final = 1.0
MOST_LINES: Final = 500
MOST_REJECTED: Final = 100
"""Files in `rejected/`; the oldest go."""
LATER: Final = frozenset({"queue_full", "disabled", "queue_unavailable"})
"""Nothing is wrong with the line."""


class Chunk(NamedTuple):
    """Lines of a file, and where each ends."""

    lines: list[bytes]
    ends: list[int]


class DropFolder:
    """Whoever may write in `folder` is not trusted with more: a name is opened once, and all that
    is read or decided goes by what was opened (CWE-59, CWE-367)."""

    def __init__(
        self,
        folder: Path,
        intake: RecordIntake,
        queue: RecordQueue,
        *,
        rejected: Path,
        sharing: Sharing,
    ) -> None:
        """`rejected` is where lines go that were refused: a directory of the agent alone."""
        self._folder = folder
        self._intake = intake
        self._queue = queue
        self._rejected = rejected
        self._sharing = sharing
        self._passed_over: frozenset[Path] = frozenset()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._look()
            except OSError as error:
                _log.error("drop_folder_failed", folder=str(self._folder), reason=error.strerror)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        found = await asyncio.to_thread(self._find)
        self._passed_over &= frozenset(found)
        for path in found:
            if not await self.take(path):
                return  # the others would only wait as well

    def _find(self) -> list[Path]:
        self._sharing.make_directory(self._folder, DROP_DIRECTORY)
        return dropped(self._folder)

    async def take(self, path: Path) -> bool:
        """Take in a file; whether the next one may come: False when this one has to wait."""
        file = await asyncio.to_thread(opened, path)
        if file is None:
            self._pass_over(path)
            return True
        with file:
            return await self._take(path, file)

    async def _take(self, path: Path, file: BinaryIO) -> bool:
        status = os.fstat(file.fileno())
        name = f"drop:{path.name}"
        offset = _offset(await self._queue.progress(name), status.st_ino)
        when = datetime.fromtimestamp(status.st_mtime, UTC)
        while (chunk := await asyncio.to_thread(read, file, offset)).lines:
            note = Note(name, f"{status.st_ino}:{chunk.ends[-1]}")
            answers = await self._intake.take(chunk.lines, note, now=when)
            if any(answer.code in LATER for answer in answers):
                return False
            await asyncio.to_thread(self._reject, path.name, chunk.lines, answers)
            offset = chunk.ends[-1]
        await asyncio.to_thread(_remove, path, status)
        await self._queue.add([], Note(name, None))
        return True

    def _pass_over(self, path: Path) -> None:
        """Said once, as long as it is there."""
        if path not in self._passed_over:
            _log.warning("dropped_file_passed_over", file=path.name)
            self._passed_over |= {path}

    def _reject(self, name: str, lines: Sequence[bytes], answers: Sequence[IntakeAnswer]) -> None:
        rejected = [
            _rejection(line, answer)
            for line, answer in zip(lines, answers, strict=True)
            if not answer.ok
        ]
        if rejected:
            _log.error("dropped_lines_rejected", file=name, lines=len(rejected))
            self._rejected.mkdir(exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            with os.fdopen(os.open(self._rejected / name, flags, PRIVATE), "ab") as file:
                file.writelines(rejected)
            _prune(self._rejected)


def dropped(folder: Path) -> list[Path]:
    """The files that are complete, oldest first."""
    found = [
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and not path.name.startswith(".")
    ]
    aged = [(age, path) for path in found if (age := _age(path)) is not None]
    return [path for _, path in sorted(aged)]


def _age(path: Path) -> tuple[float, str] | None:
    """None for what is no file."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return (status.st_mtime, path.name) if stat.S_ISREG(status.st_mode) else None


def opened(path: Path) -> BinaryIO | None:
    """None for what is no file of its own that can be read: gone, a link, a pipe, a second name of
    some other file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None


def read(file: BinaryIO, offset: int) -> Chunk:
    """The next lines from `offset` on. A line that is too long is cut, and refused for it."""
    chunk = Chunk([], [])
    file.seek(offset)
    while len(chunk.lines) < MOST_LINES:
        line = file.readline(MOST_LINE_BYTES + 2)
        if not line:
            break
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MOST_LINE_BYTES)):
            pass
        if line.strip():
            chunk.lines.append(line)
            chunk.ends.append(file.tell())
    return chunk


def _remove(path: Path, taken: os.stat_result) -> None:
    """Unless another file has come under its name."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_ino == taken.st_ino:
            path.unlink()


def _offset(progress: str | None, inode: int) -> int:
    """Where to go on; from the start in a new file of an old name."""
    kept, _, offset = (progress or "").partition(":")
    return int(offset) if kept == str(inode) else 0


def _rejection(line: bytes, answer: IntakeAnswer) -> bytes:
    row: dict[str, Any] = {
        "code": answer.code,
        "message": answer.message,
        "line": line.decode("utf-8", "replace").rstrip("\n"),
    }
    return encode(row) + b"\n"


def _prune(folder: Path) -> None:
    newest = sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime, reverse=True)
    for path in newest[MOST_REJECTED:]:
        with contextlib.suppress(OSError):
            path.unlink()
