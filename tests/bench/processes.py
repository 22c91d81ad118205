"""Servers that are started for a round and ended by their process id."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0


class NotStarted(Exception):
    """What a server said instead of listening."""


def free_port() -> int:
    """One that nobody holds at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def running(
    argv: Sequence[str | Path], port: int, log: Path, *, folder: Path | None = None, **more: str
) -> AsyncGenerator[int]:
    """The process id of a server that listens on `port`; `more` goes into its environment.

    Raises `NotStarted`.
    """
    clean = {name: v for name, v in os.environ.items() if not name.startswith("LONGLINE_")}
    with log.open("wb") as said:
        process = subprocess.Popen(
            argv, cwd=folder, env=clean | more,
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        await _until_listening(process, port, log)
        yield process.pid
    finally:
        await asyncio.to_thread(end, process)


async def _until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(log.read_text("utf-8", "replace")[-500:].strip()) from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
