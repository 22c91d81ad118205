"""A folder in which local programs drop files of records, one JSON object a line.

A file counts from the moment it has its name (`*.jsonl`, `*.ndjson`, `*.json`): write it under
another name, or with a leading dot, and rename it. When all of it is on disk it is deleted. Lines
that are refused go with their reason into `rejected/`. While the queue is full, or the device is
disabled, the file stays. How far a file has been read is kept in the transaction that takes its
records, and each record has an id; so a crash neither loses nor doubles one.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

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
    def __init__(self, folder: Path, intake: RecordIntake, queue: RecordQueue) -> None:
        self._folder = folder
        self._intake = intake
        self._queue = queue

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._look()
            except OSError as error:
                _log.error("drop_folder_failed", folder=str(self._folder), reason=error.strerror)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        for path in await asyncio.to_thread(dropped, self._folder):
            if not await self._take(path):
                return  # the others would only wait as well

    async def _take(self, path: Path) -> bool:
        """Whether the file was taken to its end."""
        status = await asyncio.to_thread(path.stat)
        name = f"drop:{path.name}"
        offset = _offset(await self._queue.progress(name), status.st_ino)
        when = datetime.fromtimestamp(status.st_mtime, UTC)
        while (chunk := await asyncio.to_thread(read, path, offset)).lines:
            note = Note(name, f"{status.st_ino}:{chunk.ends[-1]}")
            answers = await self._intake.take(chunk.lines, note, now=when)
            if any(answer.code in LATER for answer in answers):
                return False
            await asyncio.to_thread(self._reject, path.name, chunk.lines, answers)
            offset = chunk.ends[-1]
        await asyncio.to_thread(path.unlink)
        await self._queue.add([], Note(name, None))
        return True

    def _reject(self, name: str, lines: Sequence[bytes], answers: Sequence[IntakeAnswer]) -> None:
        rejected = [
            _rejection(line, answer)
            for line, answer in zip(lines, answers, strict=True)
            if not answer.ok
        ]
        if rejected:
            _log.error("dropped_lines_rejected", file=name, lines=len(rejected))
            folder = self._folder / "rejected"
            folder.mkdir(exist_ok=True)
            with (folder / name).open("ab") as file:
                file.writelines(rejected)
            _prune(folder)


def dropped(folder: Path) -> list[Path]:
    """The files that are complete, oldest first."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o770)
    found = [
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and not path.name.startswith(".") and not path.is_symlink()
    ]
    return sorted((path for path in found if path.is_file()), key=_age)


def _age(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.name


def read(path: Path, offset: int) -> Chunk:
    """The next lines from `offset` on. A line that is too long is cut, and refused for it."""
    chunk = Chunk([], [])
    with path.open("rb") as file:
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
    old = sorted(folder.iterdir(), key=_age, reverse=True)[MOST_REJECTED:]
    for path in old:
        with contextlib.suppress(OSError):
            path.unlink()
