"""Artifacts, good and bad, and a device whose supervisor starts the launcher."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from longline import artifact
from tests.integration.device.agents import AgentProcess, eventually
from tests.integration.device.scripted_hub import KEY, Frame, ScriptedHub

HERE = Path(__file__).parent
DEAF = b"""
import sys
sys.argv += ["--hub", "http://127.0.0.1:9"]
from longline.cli import main
main()
"""
BROKEN = {
    "import": b"import not_there\n",
    "hang": b"import time\ntime.sleep(1e6)\n",
    "crash": b"import sys, time\ntime.sleep(0.2)\nsys.exit('no such scanner')\n",
    "deaf": DEAF,
}
"""`__main__.py` of versions that fail, each in its own way."""
CONFIRM_SECONDS = 3.0
TRIAL_SECONDS = 30
HANG_SECONDS = 3
"""The same for versions that hang."""


def make_artifact(path: Path, version: str, main: bytes | None = None) -> bytes:
    """An artifact of the agent as it is here, which calls itself `version`; `main` instead of what
    starts it."""
    with patch.object(artifact, "MAIN", main or artifact.MAIN):
        artifact.write(path, version=version, source=artifact.HERE)
    return path.read_bytes()


def offer(hub: ScriptedHub, version: str, content: bytes) -> Frame:
    """The parameters of an `update_firmware` for what the hub has now."""
    url = f"/api/v1/firmware/releases/r{version}/artifact"
    hub.artifacts[url] = content
    digest = hashlib.sha256(content).hexdigest()
    return {
        "releaseId": f"r{version}", "version": version, "url": url, "sha256": digest,
        "size": len(content),
    }  # fmt: skip


class SupervisedDevice:
    """One device under the small supervisor. `fault_at` kills at that step of an update."""

    def __init__(self, directory: Path, hub_url: str, device_id: str = "edge-1") -> None:
        self.directory = directory
        self.hub_url = hub_url
        self.device_id = device_id
        self.versions = directory / "versions"
        self.state = directory / "state"
        self.steps = directory / "steps"
        self.settings = ""
        self.key = KEY
        self.fault_at = 0
        self.confirm_seconds = CONFIRM_SECONDS
        self.trial_seconds = TRIAL_SECONDS

    def _command(self) -> list[str]:
        file = self.directory / "agent.toml"
        file.write_text(
            f'hub = "{self.hub_url}"\nid = "{self.device_id}"\nstate_dir = "{self.state}"\n'
            f'socket = "{self.directory / "s"}"\n'
            f"[firmware]\nconfirm_seconds = {self.confirm_seconds}\nhealthy_seconds = 0.3\n"
            f"{self.settings}"
        )
        return [
            sys.executable, str(HERE / "supervisor.py"), str(self.directory / "pid"),
            sys.executable, "-m", "longline", "launch", "--versions", str(self.versions),
            "--trial-seconds", str(self.trial_seconds), "--", "--config", str(file),
        ]  # fmt: skip

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")} | {
            "LONGLINE_ENROLLMENT_KEY": self.key,
            "PYTHONPATH": f"{HERE / 'faults'}:{os.environ.get('PYTHONPATH', '')}",
            "FAULT_STEPS": str(self.steps),
            "FAULT_FOLDERS": f"{self.versions}:{self.state / 'firmware'}",
            "FAULT_AT": str(self.fault_at),
        }
        with (self.directory / "agent.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(), stdout=log, stderr=log, env=environ
            )
        supervisor = AgentProcess(process)
        try:
            yield
        finally:
            await supervisor.stop()
            self.kill()

    def kill(self) -> bool:
        """kill -9 of the launcher or agent, whichever runs; False when none does."""
        try:
            os.kill(int((self.directory / "pid").read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            return False
        return True

    def record(self) -> Frame:
        """`update.json`."""
        try:
            found: Frame = json.loads((self.versions / "update.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    async def until_state(self, *states: str) -> Frame:
        try:
            await eventually(lambda: self.record().get("state") in states)
        except TimeoutError:
            raise AssertionError(f"{self.record()}\n{self.log()[-3000:]}") from None
        return self.record()

    def steps_taken(self) -> int:
        return self.steps.stat().st_size if self.steps.exists() else 0

    def log(self) -> str:
        return (self.directory / "agent.log").read_text("utf-8", "replace")
