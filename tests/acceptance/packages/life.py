"""What the parts of a life on a machine share: the machine, its hub, what is installed on it."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.packages.machine import Machine
from tests.acceptance.up import until

DEVICE: Final = "press-1"
BROUGHT: Final = "0.1.5"
"""A version that the hub has brought: newer than the first package, older than the next."""
UNIT: Final = "longline-device.service"
STATE: Final = "/var/lib/longline-device"
CONFIG: Final = "/etc/longline/device.toml"


class Life(Struct, frozen=True):
    machine: Machine
    hub: HubProcess
    rest: httpx.Client
    first: Path
    """The package."""
    next: Path
    sudo: Path
    hub_package: Path
    folder: Path
    """For what a part needs."""

    def version(self) -> str | None:
        """Of the agent that is on the line now."""
        connected = [each["id"] for each in self.rest.get("/devices/connected").json()["data"]]
        if DEVICE not in connected:
            return None
        return self.rest.get(f"/devices/{DEVICE}").json()["data"]["version"]

    def until_version(self, version: str | None) -> None:
        until(lambda: self.version() == version)

    def command(self, command: dict[str, Any], **options: Any) -> dict[str, Any]:
        body = {"command": command, **options}
        return self.rest.post(f"/devices/{DEVICE}/commands", json=body).json()["data"]

    def pid(self) -> int:
        return int(self.machine.run("systemctl", "show", UNIT, "-P", "MainPID"))

    def starts(self) -> int:
        """How often the launcher has started an agent."""
        said = self.machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager")
        return said.count('"event": "agent_starts"')

    def record(self) -> dict[str, Any]:
        """Of the last update."""
        return json.loads(self.machine.run("cat", f"{STATE}/versions/update.json"))

    def add_settings(self, text: str) -> None:
        file = self.machine.root / CONFIG.removeprefix("/")
        file.write_text(f"{file.read_text()}\n{text}\n")

    def bring(self, *, state: str) -> None:
        """As if the hub had brought a version: in a slot, and the record of it."""
        versions = self.machine.root / STATE.removeprefix("/") / "versions"
        shutil.rmtree(versions, ignore_errors=True)
        (versions / "a").mkdir(parents=True)
        with tarfile.open(self._artifact()) as archive:
            archive.extractall(versions / "a", filter="data")
        installed = self.machine.run("dpkg-query", "-W", "-f", "${Version}", "longline-agent")
        said = {
            "slot": "a", "previous": None, "version": BROUGHT, "fromVersion": installed,
            "installed": installed, "releaseId": "r", "commandId": "c-1", "state": state,
        }  # fmt: skip
        (versions / "update.json").write_text(json.dumps(said))
        self.machine.run("chown", "-R", "longline-device:", f"{STATE}/versions")
        self.machine.run("systemctl", "restart", UNIT)

    def _artifact(self) -> Path:
        artifact = self.folder / "agent.tar.gz"
        argv = ("-m", "longline", "firmware", "build", artifact, "--version", BROUGHT)
        if not artifact.exists():
            subprocess.run([sys.executable, *argv], check=True, capture_output=True)
        return artifact
