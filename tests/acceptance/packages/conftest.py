"""What is built, once for all workers: the packages, and the image of a machine."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.packages.machine import Machine, as_root, machine_from, make_root
from tests.deploy import program
from tests.integration.packaging.distributions import ROOT, sources, with_console

EPOCH: Final = "1700000000"
FIRST, NEXT = "0.1.0", "0.2.0"
SECONDS: Final = 300
_COPIED: Final = ("deploy", "requirements.lock")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packages"
    folder.mkdir(exist_ok=True)
    return folder


def once(place: Path, make: Callable[[Path], object]) -> Path:
    """`place`, made by whichever worker comes first."""
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            beside = place.with_name(f"{place.name}.new")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            make(beside)
            beside.rename(place)
    return place


def built(kind: str, product: str, *, version: str, into: Path) -> None:
    """From a copy of the sources, with something in place of the console."""
    root = with_console(sources(into / "sources"))
    for name in _COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    project = (root / "pyproject.toml").read_text()
    given = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project)
    (root / "pyproject.toml").write_text(given)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    environ = {**inherited, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.packaging", kind, product, "--into", into],
        cwd=root, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def agent(shared: Path) -> Path:
    """The folder of its packages."""
    program("dpkg-deb")
    return once(shared / "agent", lambda at: built("deb", "agent", version=FIRST, into=at))


@pytest.fixture(scope="session")
def again(shared: Path) -> Path:
    """The same, built a second time somewhere else."""
    program("dpkg-deb")
    return once(shared / "again", lambda at: built("deb", "agent", version=FIRST, into=at / "x"))


@pytest.fixture(scope="session")
def newer(shared: Path) -> Path:
    program("dpkg-deb")
    return once(shared / "newer", lambda at: built("deb", "agent", version=NEXT, into=at))


@pytest.fixture(scope="session")
def hub_package(shared: Path) -> Path:
    program("dpkg-deb")
    folder = once(shared / "hub", lambda at: built("deb", "hub", version=FIRST, into=at))
    (found,) = folder.glob("*.deb")
    return found


@pytest.fixture(scope="session")
def rpms(shared: Path) -> Path:
    program("rpmbuild")
    return once(shared / "rpms", lambda at: built("rpm", "agent", version=FIRST, into=at))


@pytest.fixture(scope="session")
def image(shared: Path) -> Path:
    """Debian in a directory, as small as it gets with what the agent's package wants."""
    as_root()
    program("debootstrap")

    def make(folder: Path) -> None:
        why = make_root(folder / "root")
        if why is not None:
            pytest.skip(f"debootstrap cannot make a root here: {why}")

    return once(shared / "image", make) / "root"


@pytest.fixture
def machine(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    with machine_from(image, tmp_path_factory.mktemp("machine")) as made:
        yield made
