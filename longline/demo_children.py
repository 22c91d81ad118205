"""What runs beside the demo's hub: this machine's real agent, and a fleet of simulated devices.

Both are children that end with the demo, however it ends. The agent's reboot, shutdown and restart
go to `longline.recorder`. The demo then behaves as a machine would: an agent that has ended is
started again, and after a recorded reboot it finds itself under another boot of the system.
"""

import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from hub.base.embedded import Child
from longline.serving import Ready

LOOK_SECONDS: Final = 0.1
EVENTS_A_SECOND: Final = 2
COMMAND_SECONDS: Final = 1
METRICS_SECONDS: Final = 5


class Children:
    """Everything of them is kept below `directory`; `short` is for the agent's unix socket, whose
    path must stay below 108 bytes."""

    def __init__(self, directory: Path, short: Path, device_id: str, ready: Ready) -> None:
        self._directory = directory
        self._boot_id = directory / "boot_id"
        self._key_file = directory / "enrollment_key"
        self.recorded = directory / "recorded.txt"
        self._agent = self._child("agent", "device", *self._agent_flags(short, device_id, ready))
        self._fleet: Child | None = None
        self._hub = ready.url
        self._key = ready.enrollment_key or ""
        self._lines_seen = 0

    def start(self, devices: int) -> None:
        """Start the agent, and the fleet when `devices` is not 0."""
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(self._key)
        self._new_boot()
        self._lines_seen = len(self._notes())
        self._agent.start()
        if devices:
            self._fleet = self._child("fleet", "fleet", *self._fleet_flags(devices))
            self._fleet.start()

    async def watch(self, on_recorded: Callable[[str], None]) -> NoReturn:
        """Tell of what was recorded, and keep the agent running; for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for note in self._notes()[self._lines_seen :]:
                self._lines_seen += 1
                on_recorded(note)
                if note == "reboot":
                    await self._reboot()
            if self._agent.ended():
                self._agent.start()

    async def stop(self) -> None:
        children = [self._agent, *([self._fleet] if self._fleet else [])]
        await asyncio.gather(*(child.stop() for child in children))

    async def _reboot(self) -> None:
        self._new_boot()
        await self._agent.stop()
        self._agent.start()

    def _new_boot(self) -> None:
        self._boot_id.write_text(secrets.token_hex(8) + "\n")

    def _notes(self) -> list[str]:
        return self.recorded.read_text("utf-8").splitlines() if self.recorded.exists() else []

    def _child(self, name: str, subcommand: str, *flags: str) -> Child:
        return Child(
            name,
            # -P: a folder named like a package of ours in the present directory is not meant
            [sys.executable, "-P", "-m", "longline", subcommand, *flags],
            log_file=self._directory / f"{name}.log",
            stop_signal=signal.SIGTERM,
        )

    def _agent_flags(self, short: Path, device_id: str, ready: Ready) -> list[str]:
        return [
            *("--config", str(self._write_config()), "--hub", ready.url, "--id", device_id),
            *("--name", "This machine", "--state-dir", str(self._directory / "agent")),
            *("--socket", str(short / "agent.sock")),
            *("--enrollment-key-file", str(self._key_file)),
        ]

    def _fleet_flags(self, devices: int) -> list[str]:
        return [
            *("--hub", self._hub, "--devices", str(devices), "--prefix", "sim"),
            *("--rate", str(EVENTS_A_SECOND), "--command-seconds", str(COMMAND_SECONDS)),
            *("--status-seconds", str(METRICS_SECONDS)),
            *("--state-dir", str(self._directory / "fleet")),
            *("--enrollment-key-file", str(self._key_file)),
        ]

    def _write_config(self) -> Path:
        """The agent's settings that have no flag. (Strings and lists of JSON are TOML too.)"""
        power = {f"{word}_argv": self._recorder(word) for word in ("restart", "reboot", "shutdown")}
        lines = [
            "[power]",
            *(f"{name} = {json.dumps(argv)}" for name, argv in power.items()),
            f"os_boot_id_file = {json.dumps(str(self._boot_id))}",
            "[metrics]",
            f"interval_seconds = {METRICS_SECONDS}",
        ]
        file = self._directory / "agent.toml"
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return file

    def _recorder(self, word: str) -> list[str]:
        return [sys.executable, "-P", "-m", "longline.recorder", str(self.recorded), word]
