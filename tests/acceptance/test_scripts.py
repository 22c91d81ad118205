"""The scripts, in a checkout whose `.venv` is up to date, missing, or somebody else's."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = (
    "bench", "chaos", "check", "console", "demo",
    "figures", "fix", "migrate", "new-migration", "package", "test",
)  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts and what they read, without a `.venv`."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", root / "scripts")
    shutil.copytree(ROOT / "sql" / "migrations", root / "sql" / "migrations")
    (root / "protocol").mkdir()
    for name in ("pyproject.toml", "development.lock", "protocol/_native.c"):
        shutil.copy(ROOT / name, root / name)
    return root


def installed(root: Path) -> None:
    """Make it look as after an installation."""
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    made_from = "development.lock pyproject.toml protocol/_native.c"
    done = subprocess.run(
        ["bash", "-c", f"{{ pwd && cat {made_from}; }} | sha256sum"],
        capture_output=True, text=True, check=True, cwd=root,
    )  # fmt: skip
    (root / ".venv" / "stamp").write_text(done.stdout.split()[0] + "\n")


def run(root: Path, script: str, *arguments: str, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [root / "scripts" / script, *arguments],
        cwd="/", capture_output=True, text=True, check=False, env=os.environ | variables,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_can_be_run_and_says_what_it_is_for(script: str) -> None:
    file = ROOT / "scripts" / script

    assert os.access(file, os.X_OK)
    assert file.read_text().splitlines()[1].startswith("# ")


def test_no_python_that_is_new_enough_is_one_line(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "env", "dirname", "sha256sum", "cut", "cat", "stat", "mkdir"):
        (tools / tool).symlink_to(str(shutil.which(tool)))

    code, _, said = run(checkout, "check", PATH=str(tools), PYTHON="")

    assert code == 1
    assert said.splitlines() == [
        "scripts/check: needs Python 3.11 or newer, and found none "
        "(PYTHON=/path/to/python says where one is)"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("script", ["demo", "test", "check"])
@pytest.mark.parametrize("made", [False, True], ids=["no venv", "venv"])
def test_the_checkout_of_another_user_is_one_line(
    checkout: Path, script: str, *, made: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        theirs = Path(folder) / "checkout"
        shutil.copytree(checkout, theirs)
        if made:
            installed(theirs)
            (theirs / ".venv").chmod(0o700)

        done = subprocess.run(
            [theirs / "scripts" / script],
            user="nobody", cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "belongs to root" in done.stderr


def test_the_next_migration_has_the_next_number(checkout: Path) -> None:
    installed(checkout)
    last = max(file.name for file in (checkout / "sql" / "migrations").glob("*.sql"))

    code, said, _ = run(checkout, "new-migration", "add_colour")

    file = checkout / "sql" / "migrations" / f"{int(last[:4]) + 1:04}_add_colour.sql"
    assert code == 0
    assert file.read_text().startswith("-- Add colour.\n")
    assert said.startswith(str(file.relative_to(checkout)))


@pytest.mark.parametrize("name", ["", "Bad Name", "../up"])
def test_a_migration_without_a_good_name_is_refused(checkout: Path, name: str) -> None:
    installed(checkout)

    code, _, said = run(checkout, "new-migration", name)

    assert code == 1
    assert len(said.splitlines()) == 1
