"""Logs as a stream: the last lines of a source, and with `follow` what comes after them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from device.base.errors import CommandFailed
from device.base.session_settings import RefusedSession
from device.logs.own_log import LogEntry
from device.logs.sources import LogSources, opened
from device.sessions.stream import Stream, StreamLost
from protocol.sessions import LONGEST_DATA, STDOUT, LogsParams, failure, info, success

LOOK_SECONDS: Final = 0.25
BLOCK: Final = 64 * 1024


def since_of(params: LogsParams) -> datetime | None:
    """Raises `RefusedSession`."""
    if params.since is None:
        return None
    try:
        since = datetime.fromisoformat(params.since)
    except ValueError:
        raise RefusedSession("not_found", "since is no time") from None
    return since if since.tzinfo else since.replace(tzinfo=UTC)


async def serve_logs(stream: Stream, params: LogsParams, sources: LogSources) -> None:
    since = since_of(params)
    with contextlib.suppress(StreamLost):
        try:
            if params.follow:
                await _until_left(stream, await _followed(stream, params, sources, since))
            else:
                _, entries = await sources.pull(params.source, max(1, params.tail), None)
                await _send_tail(stream, params, entries, since)
            await stream.say(success())
        except CommandFailed as error:
            reason = "NotFound" if error.code in ("bad_source", "source_not_found") else "Io"
            await stream.say(failure(reason, error.message))


async def _followed(
    stream: Stream, params: LogsParams, sources: LogSources, since: datetime | None
) -> AsyncGenerator[bytes | int]:
    """What comes behind the last lines, without a gap: one reader gives both."""
    if await sources.name_of(params.source) == "journald":
        argv = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(params.tail), "-f"]
        return _follow_program(argv + ([f"--since=@{since.timestamp()}"] if since else []))
    name, entries, file = await sources.to_follow(params.source, max(1, params.tail))
    following = follow_file(file, Path(name.partition(":")[2]), sources.private)
    try:
        await _send_tail(stream, params, entries, since)
    except StreamLost:
        file.close()
        raise
    return following


async def _send_tail(
    stream: Stream, params: LogsParams, entries: Sequence[LogEntry], since: datetime | None
) -> None:
    for entry in entries[max(0, len(entries) - params.tail) :]:
        if since is None or entry.ts is None or entry.ts >= since:
            await send_line(stream, entry.line)


async def send_line(stream: Stream, line: str) -> None:
    await stream.send(STDOUT, line.encode("utf-8", "replace") + b"\n")


def pieces(lines: bytes) -> Iterator[bytes]:
    """As many whole lines as a message takes; a line that is longer is cut."""
    start = 0
    while start < len(lines):
        stop = start + LONGEST_DATA
        if stop < len(lines):
            stop = lines.rfind(b"\n", start, stop) + 1 or stop
        yield lines[start:stop]
        start = stop


async def _until_left(stream: Stream, lines: AsyncGenerator[bytes | int]) -> None:
    """Until the person is gone. Raises `CommandFailed`."""
    try:
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(_left(stream))
            giving = tasks.create_task(_give(stream, lines))
            await asyncio.wait([leaving, giving], return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            giving.cancel()
    except ExceptionGroup as group:
        for each in group.exceptions:
            if isinstance(each, CommandFailed):
                raise each from None
        raise


async def _left(stream: Stream) -> None:
    async for _ in stream.messages():
        pass


async def _give(stream: Stream, lines: AsyncGenerator[bytes | int]) -> None:
    """Whole lines, as many as there are, in one message; a number says how many are missing."""
    try:
        async for each in lines:
            if isinstance(each, int):
                await stream.say(info(dropped=each))
            else:
                for some in pieces(each):
                    await stream.send(STDOUT, some)
    except StreamLost:
        return
    finally:
        await lines.aclose()


async def _follow_program(argv: Sequence[str]) -> AsyncGenerator[bytes | int]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, limit=LONGEST_DATA,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        while data := await process.stdout.read(LONGEST_DATA):
            yield data
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def follow_file(file: BinaryIO, path: Path, private: Path) -> AsyncGenerator[bytes | int]:
    """What is written from its position on; a file that takes its place is read from its beginning,
    after the rest of this one. What it was cut by is not known, so it is said to be one line at
    least."""
    at, rest, newer = file.tell(), b"", None
    try:
        while True:
            block = await asyncio.to_thread(os.pread, file.fileno(), BLOCK, at)
            if block:
                at += len(block)
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    yield whole + newline
                elif len(rest) > BLOCK:
                    yield rest + b"\n"
                    rest = b""
                continue
            if os.fstat(file.fileno()).st_size < at:
                at, rest = 0, b""
                yield 1
            elif newer is not None:
                if rest:
                    yield rest + b"\n"
                file.close()
                file, newer, at, rest = newer, None, 0, b""
                continue
            else:
                newer = await asyncio.to_thread(_newer, path, private, file)
                if newer is not None:  # once more: something may have been written until it came
                    continue
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        file.close()
        if newer is not None:
            newer.close()


def _newer(path: Path, private: Path, file: BinaryIO) -> BinaryIO | None:
    """The file that has taken the place of this one; never one of the agent's own."""
    try:
        found = path.stat()
        known = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) == (known.st_dev, known.st_ino):
            return None
        return opened(path, private)
    except (OSError, CommandFailed):
        return None
