"""Real agent processes on a state directory of the test."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.device.scripted_hub import DEADLINE, KEY, ScriptedHub

STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


async def eventually(condition: Callable[[], bool], *, within: float = DEADLINE) -> None:
    """Wait for what only another process can bring about: a file."""
    async with asyncio.timeout(within):
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(POLL_SECONDS)


class AgentProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        async with asyncio.timeout(STOP_SECONDS):
            return await self._process.wait()

    async def stop(self) -> int:
        self._signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)


class Bench:
    """A device on a desk: its state directory, its settings file, and its hub."""

    def __init__(self, directory: Path, hub: ScriptedHub) -> None:
        self.directory = directory
        self.hub = hub
        self.state = directory / "state"
        self.socket = directory / "agent.sock"
        self.boot_id_file = directory / "boot_id"
        self.boot_id_file.write_text("boot-1\n")
        self.settings = ""
        """TOML sections, beyond what every bench needs."""
        self.key = KEY
        self.environment: dict[str, str] = {}
        """Of the agent, beyond that of the test."""
        self.says_socket = True
        self.prefix: tuple[str, ...] = ()
        """What runs the agent's command line."""

    def _write(self) -> Path:
        file = self.directory / "agent.toml"
        file.write_text(
            f'hub = "{self.hub.url}"\nid = "edge-1"\nname = "Edge"\ncompany_id = "acme"\n'
            f'state_dir = "{self.state}"\n{self._socket_line()}{self.settings}'
        )
        return file

    def _socket_line(self) -> str:
        return f'socket = "{self.socket}"\n' if self.says_socket else ""

    def recorder(self, name: str, then: str = "") -> str:
        """A program, as a TOML argv, that notes that it ran."""
        script = self.directory / f"{name}.py"
        script.write_text(
            f"import sys\nopen({str(self.note(name))!r}, 'a').write('ran\\n')\n{then}"
        )
        return f'["{sys.executable}", "{script}"]'

    def note(self, name: str) -> Path:
        return self.directory / f"{name}.ran"

    def runs(self, name: str) -> int:
        note = self.note(name)
        return len(note.read_text().splitlines()) if note.exists() else 0

    async def has_run(self, name: str) -> None:
        """Wait until the recorder has noted its first run."""
        await eventually(lambda: self.runs(name) > 0)

    @asynccontextmanager
    async def agent(
        self, *flags: str, subcommand: tuple[str, ...] = ("device",)
    ) -> AsyncGenerator[AgentProcess]:
        log = self.directory / "agent.log"
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *self.prefix,
                sys.executable,
                "-m",
                "longline",
                *subcommand,
                "--config",
                self._write(),
                *flags,
                stderr=stderr,
                env={**os.environ, "LONGLINE_ENROLLMENT_KEY": self.key, **self.environment},
            )
        running = AgentProcess(process)
        try:
            yield running
        finally:
            await running.kill()

    def log(self) -> str:
        return (self.directory / "agent.log").read_text()

    async def emit(self, *lines: str) -> list[str]:
        """Hand lines to the agent's socket; its answers."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            answers: list[str] = []
            for line in lines:
                writer.write(line.encode() + b"\n")
                answers.append((await reader.readline()).decode())
            return answers
        finally:
            writer.close()
            await writer.wait_closed()
