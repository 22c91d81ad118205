"""The programs of docs/local-programs.md, as they stand there, beside a real agent."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from scripts.docs import DOCS
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import DEADLINE

PAGE = (DOCS / "local-programs.md").read_text("utf-8")
PLACE = "/run/longline-device/agent.sock"
SETTINGS = '[metrics]\ninterval_seconds = 1\n[[agents]]\nname = "scanner"\nrequired = true\n'


def example(language: str, socket: Path) -> str:
    """The first of this language, on this socket."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1].replace(PLACE, str(socket))


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A directory with the `longline` of this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "longline"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m longline "$@"\n')
    command.chmod(0o755)
    return folder


class Example:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> str:
        """The next line of its standard output."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            return (await self._process.stdout.readline()).decode().strip()

    async def end(self) -> None:
        os.killpg(self._process.pid, 9)
        await self._process.wait()


async def started(*argv: str | Path, **variables: str) -> Example:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **variables},
    )
    return Example(process)


async def hears(bench: Bench, program: Example) -> None:
    """It says what it does: at once, in a pause, and after it."""
    assert await program.said() == "scan"
    await bench.hub.run("disable_device", "c1", reason="jam")
    assert await program.said() == "pause"
    await bench.hub.run("enable_device", "c2")
    assert await program.said() == "scan"


async def is_ready(bench: Bench, metric: str) -> None:
    def reported() -> bool:
        return any(each["ready"] for status in bench.hub.of("status") for each in _agents(status))

    await bench.hub.until(reported)
    await bench.hub.until(lambda: metric in bench.hub.of("status")[-1]["metrics"])


def _agents(status: dict[str, list[dict[str, bool]]]) -> list[dict[str, bool]]:
    return status.get("agents", [])


async def test_the_python_hears_and_reports(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(example("python", bench.socket))
    bench.settings = SETTINGS
    async with bench.agent():
        await bench.hub.frame("status")
        program = await started(sys.executable, file)
        try:
            await hears(bench, program)
            await is_ready(bench, "scanner.temp")
        finally:
            await program.end()


async def test_the_shell_hears_and_reports(bench: Bench, tmp_path: Path, commands: Path) -> None:
    file = tmp_path / "example.sh"
    file.write_text(example("sh", bench.socket).replace("sleep 10", "sleep 0.1"))
    bench.settings = SETTINGS
    path = f"{commands}:{os.environ['PATH']}"
    async with bench.agent():
        await bench.hub.frame("status")
        program = await started("/bin/sh", file, PATH=path, LONGLINE_SOCKET=str(bench.socket))
        try:
            await hears(bench, program)
            await is_ready(bench, "scanner.load")
        finally:
            await program.end()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
async def test_the_c_hears(bench: Bench, tmp_path: Path) -> None:
    file, binary = tmp_path / "example.c", tmp_path / "example"
    file.write_text(example("c", bench.socket))
    compiler = await asyncio.create_subprocess_exec(
        "cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", binary, file
    )
    assert await compiler.wait() == 0
    async with bench.agent():
        await bench.hub.frame("status")
        program = await started(binary)
        try:
            await hears(bench, program)
        finally:
            await program.end()
