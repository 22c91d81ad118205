"""Foreign files with the names of our packages: one line says which, and none of them runs."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipapp import create_archive

import pytest

from longline import firmware
from longline.cli import SUBCOMMANDS
from longline.packages import AGENT, OURS
from tests.integration.packaging.distributions import (
    ROOT,
    environment,
    foreign_wheel,
    pip,
    run,
    site_packages,
)

OF_AGENT = [name for name, subcommand in SUBCOMMANDS.items() if subcommand.extra is None]
RUNS = "raise SystemExit('somebody else ran')\n"


def longline(
    python: str | Path, *arguments: str, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run(python, "-m", "longline", *arguments, cwd=cwd, check=False, **variables)


def from_checkout(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return longline(sys.executable, *arguments, cwd=cwd, PYTHONPATH=str(ROOT))


def assert_refused(done: subprocess.CompletedProcess[str], *words: str | Path) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("longline: ")
    for word in words:
        assert str(word) in line
    assert done.stdout == ""


def assert_runs(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Usage:" in done.stdout


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_a_module_in_the_working_directory(subcommand: str, tmp_path: Path) -> None:
    (tmp_path / "protocol.py").write_text(RUNS)

    done = from_checkout(subcommand, cwd=tmp_path)

    assert_refused(done, f"{tmp_path}/protocol.py shadows {ROOT}/protocol, ")


@pytest.mark.parametrize("package", sorted(OURS - {"longline"}))
def test_each_of_our_names(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(RUNS)

    done = from_checkout("hub", "--help", cwd=tmp_path)

    assert_refused(done, f"{tmp_path}/{package}/__init__.py shadows {ROOT}/{package}, ")


@pytest.mark.parametrize("subcommand", OF_AGENT)
def test_the_agent_does_not_mind_what_only_the_hub_imports(subcommand: str, tmp_path: Path) -> None:
    for package in OURS - {*AGENT}:
        (tmp_path / f"{package}.py").write_text(RUNS)

    assert_runs(from_checkout(subcommand, "--help", cwd=tmp_path))


def test_a_folder_that_is_no_package_shadows_nothing(tmp_path: Path) -> None:
    for package in OURS:
        (tmp_path / package).mkdir()

    assert_runs(from_checkout("hub", "--help", cwd=tmp_path))


def test_the_list_of_subcommands_needs_no_package(tmp_path: Path) -> None:
    (tmp_path / "protocol.py").write_text(RUNS)

    assert_runs(from_checkout("--help", cwd=tmp_path))


def test_another_distribution_that_is_installed_over_ours(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    python = environment(folder, wheel)
    assert_runs(longline(python, "up", "--help", cwd=tmp_path))

    pip(python, "install", "--no-index", foreign_wheel(tmp_path, "python_sql", "sql"))

    ours = site_packages(folder)
    assert_refused(
        longline(python, "up", cwd=tmp_path),
        f"{ours}/sql/__init__.py is not the file of Longline",
        "a virtual environment of its own",
    )
    assert_runs(longline(python, "device", "--help", cwd=tmp_path))

    pip(python, "uninstall", "--yes", "python_sql")

    assert_refused(
        longline(python, "up", cwd=tmp_path), f"the package sql is missing in {ours}: install"
    )


def test_another_distribution_that_comes_before_a_checkout(tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", foreign_wheel(tmp_path, "python_sql", "sql"))
    ours = site_packages(tmp_path / "venv")
    (ours / "_longline.pth").write_text(f"{ROOT}\n")  # as an editable installation leaves it

    done = longline(python, "hub", cwd=tmp_path)

    assert_refused(done, f"{ours}/sql/__init__.py shadows {ROOT}/sql, ")


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    """An artifact of the agent, unpacked."""
    firmware.build(tmp_path / "agent.tar.gz", version="2.0")
    with tarfile.open(tmp_path / "agent.tar.gz") as archive:
        archive.extractall(tmp_path / "slot", filter="data")
    return tmp_path / "slot"


def from_slot(slot: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As the launcher starts it; the checkout is installed beside it."""
    return run(sys.executable, slot, *arguments, cwd=slot.parent, check=False, PYTHONPATH=str(ROOT))


def test_an_artifact_runs_beside_what_is_installed(slot: Path) -> None:
    assert_runs(from_slot(slot, "device", "--help"))


def test_an_artifact_takes_no_package_of_another_version(slot: Path) -> None:
    shutil.rmtree(slot / "cloud")

    assert_refused(from_slot(slot, "device"), f"the package cloud is missing in {slot}")


def test_an_artifact_runs_no_hub(slot: Path) -> None:
    assert_refused(from_slot(slot, "hub"), f"is missing in {slot}")


def test_an_artifact_may_be_an_archive(slot: Path, tmp_path: Path) -> None:
    for file in slot.rglob("*"):
        file.touch()  # an artifact has no times, and a zip none before 1980
    create_archive(slot, tmp_path / "agent.pyz")

    assert_runs(from_slot(tmp_path / "agent.pyz", "device", "--help"))
