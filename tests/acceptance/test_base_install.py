"""The base install: the wheel without extras, in an environment of its own, runs an agent."""

import hashlib
import os
import re
import subprocess
import sys
import venv
from collections.abc import Generator
from importlib.metadata import requires
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in, stopped, until

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 180
ABSENT = ("asyncpg", "starlette", "uvicorn", "redis", "jwt", "uvloop", "argon2")


def run(*argv: str | Path, **variables: str) -> str:
    done = subprocess.run(
        argv, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True,
        timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel and what it needs, by hash."""
    folder = tmp_path_factory.mktemp("base")
    program = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    run(*program, LONGLINE_NO_CONSOLE="1")
    (wheel,) = folder.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = folder / "base.lock"
    lock.write_text(f"{base_lock()}longline @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-qq", "--no-deps", "--require-hashes", "-r", lock)
    return python


def base_lock() -> str:
    """Those entries of requirements.lock that the base install needs."""
    text = (ROOT / "requirements.lock").read_text()
    entries = {
        canonicalize_name(entry.partition("==")[0]): entry
        for entry in re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)
        if "==" in entry
    }
    return "".join(entries[name] for name in sorted(needed("longline")))


def needed(distribution: str) -> set[NormalizedName]:
    """What it requires without extras, and what that requires."""
    found: set[NormalizedName] = set()
    waiting = [distribution]
    while waiting:
        for text in requires(waiting.pop()) or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and name not in found:
                found.add(name)
                waiting.append(name)
    return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    process.stop()


@pytest.mark.parametrize("package", ABSENT)
def test_what_only_the_hub_needs_is_absent(python: Path, package: str) -> None:
    program = f"import importlib.util; print(importlib.util.find_spec('{package}'))"

    assert run(python, "-c", program).strip() == "None"


def test_a_subcommand_of_the_hub_says_which_extra_it_needs(python: Path) -> None:
    done = subprocess.run(
        [python, "-m", "longline", "up"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("longline: longline up needs the embedded extra")
    assert len(done.stderr.splitlines()) == 1


def test_it_packs_itself_into_an_artifact(python: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "agent.tar.gz"

    said = run(python, "-m", "longline", "firmware", "build", artifact, "--version", "2.0")
    assert "is version 2.0" in said
    assert "--trial-seconds" in run(python, "-m", "longline", "launch", "--help")


def test_its_agent_enrols_and_obeys(python: Path, hub: HubProcess, tmp_path: Path) -> None:
    key = {"LONGLINE_ENROLLMENT_KEY": hub.ready["enrollmentKey"]}
    argv = [
        *(python, "-m", "longline", "device", "--hub", hub.url, "--id", "small"),
        *("--state-dir", tmp_path / "state"),
    ]
    with (tmp_path / "agent.log").open("wb") as log:
        agent = subprocess.Popen(argv, env=os.environ | key, stdout=log, stderr=log)
    with stopped(agent), signed_in(hub.ready) as rest:
        until(lambda: connected(rest) == ["small"])

        answer = rest.post("/devices/small/commands", json={"command": {"type": "force_sync"}})

        assert answer.json()["data"]["status"] == "SUCCESS"
    assert agent.returncode == 0


def connected(rest: httpx.Client) -> list[str]:
    return [device["id"] for device in rest.get("/devices/connected").json()["data"]]
