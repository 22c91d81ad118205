"""Programs that the agent starts, when it is stopped in an awkward moment or they leave others."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from device import process

LIMIT = 4096


async def run(*argv: str, seconds: float = 30.0) -> process.CompletedProcess:
    return await process.run(
        argv, timeout_seconds=seconds, stdout_limit=LIMIT, stderr_limit=LIMIT, stdin=b"x" * 1000
    )


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("pause", [0.0, 0.03])
async def test_whoever_is_cancelled_while_a_program_starts_is_not_held_up(
    turns: int, pause: float
) -> None:
    running = asyncio.create_task(run("/bin/sh", "-c", "cat > /dev/null"))
    for _ in range(turns):
        await asyncio.sleep(0)
    time.sleep(pause)  # noqa: ASYNC251 - the program gets on while the loop stands still
    running.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_program_that_leaves_another_behind_ends_all_the_same(tmp_path: Path) -> None:
    other = tmp_path / "other.pid"
    script = tmp_path / "parent.sh"
    script.write_text(f"#!/bin/sh\nsetsid sleep 60 &\necho $! > {other}\necho done\nexit 3\n")
    script.chmod(0o755)
    began = time.monotonic()
    finished = await run(str(script))
    try:
        assert time.monotonic() - began < 10
        assert finished.exit_code == 3
        assert finished.stdout.head == b"done\n"
    finally:
        os.kill(int(other.read_text()), 9)


async def test_one_that_leaves_another_behind_is_ended_in_time(tmp_path: Path) -> None:
    other = tmp_path / "other.pid"
    script = tmp_path / "parent.sh"
    script.write_text(f"#!/bin/sh\nsetsid sleep 60 &\necho $! > {other}\nsleep 60\n")
    script.chmod(0o755)
    began = time.monotonic()
    try:
        with pytest.raises(process.TimedOut):
            await run(str(script), seconds=0.5)
        assert time.monotonic() - began < 10
    finally:
        os.kill(int(other.read_text()), 9)
