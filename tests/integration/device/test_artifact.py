"""An artifact holds all of the agent: nothing of ours is taken from what is installed beside it."""

import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

from longline import firmware
from longline.packages import OURS

PROGRAM = """
import importlib, pkgutil, sys
import device
from longline.cli import SUBCOMMANDS, build_app
from longline.packages import OURS

for name, subcommand in SUBCOMMANDS.items():
    if subcommand.extra is None:
        build_app(name)
for module in pkgutil.walk_packages(device.__path__, "device."):
    importlib.import_module(module.name)
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in OURS:
        print(name, module.__file__)
"""
"""Imports the agent and every subcommand of the base install, and prints where ours came from."""


def imported(folder: Path) -> dict[str, Path]:
    """Our modules and their files, when `folder` comes first. Without `site` no `.pth` file brings
    the checkout in, so only what others made is installed beside it."""
    path = f"{folder}:{sysconfig.get_path('purelib')}:{sysconfig.get_path('platlib')}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM],
        env={"PYTHONPATH": path}, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {name: Path(file) for name, file in rows}


def test_it_runs_without_what_is_installed(tmp_path: Path) -> None:
    firmware.build(tmp_path / "agent.tar.gz", version="2.0")
    with tarfile.open(tmp_path / "agent.tar.gz") as archive:
        archive.extractall(tmp_path / "slot", filter="data")

    modules = imported(tmp_path / "slot")

    assert {"device.agent", "longline.device", "cloud.client", "protocol.codec"} <= set(modules)
    elsewhere = [name for name, file in modules.items() if tmp_path not in file.parents]
    assert elsewhere == []


def test_it_holds_nothing_of_the_hub(tmp_path: Path) -> None:
    firmware.build(tmp_path / "agent.tar.gz", version="2.0")
    with tarfile.open(tmp_path / "agent.tar.gz") as archive:
        tops = {name.partition("/")[0] for name in archive.getnames()}

    assert tops & OURS == {"protocol", "cloud", "device", "longline"}


def test_it_holds_nothing_that_is_for_one_platform(tmp_path: Path) -> None:
    firmware.build(tmp_path / "agent.tar.gz", version="2.0")
    with tarfile.open(tmp_path / "agent.tar.gz") as archive:
        assert [name for name in archive.getnames() if name.endswith(".so")] == []
