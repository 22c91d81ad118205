"""Sources that can be built, what is built from them, and environments to install it in."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from longline.packages import OURS
from scripts.build_hook import BUILT, STAMP

ROOT: Final = Path(__file__).parents[3]
FILES: Final = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "scripts/build_hook.py")
CONSOLE: Final = ("index.html", STAMP, "assets/index-1.js", "docs/swagger-ui.css", "licenses.md")
SECONDS: Final = 180

_NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", "console", "*.so")


def run(
    *argv: str | Path, cwd: Path, check: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """In `cwd`, with no LONGLINE_ variables but these."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LONGLINE_", "PYTHON"))}
    done = subprocess.run(
        argv, cwd=cwd, env=inherited | variables, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def sources(folder: Path) -> Path:
    """What a build reads, without a console."""
    for package in OURS:
        shutil.copytree(ROOT / package, folder / package, ignore=_NOT_COPIED)
    (folder / "scripts").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def with_console(folder: Path, *, stamp: str = "of some sources") -> Path:
    """As if ./scripts/console had run: a build takes what lies there, whatever it is."""
    for name in CONSOLE:
        file = folder / BUILT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(stamp if name == STAMP else name)
    return folder


def build(
    target: str, source: Path, into: Path, *, check: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run(
        *(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into),
        cwd=source, check=check, **variables,
    )  # fmt: skip


def environment(folder: Path, *wheels: Path) -> Path:
    """The interpreter of a new environment with these wheels. What they need is taken from the
    environment of the tests, after their own."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip(python, "install", "--no-index", "--no-deps", *wheels)
    (site_packages(folder) / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def pip(python: Path, *arguments: str | Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "--python", python, "-qq", "--disable-pip-version-check"),
        *arguments, cwd=python.parent,
    )  # fmt: skip


def site_packages(folder: Path) -> Path:
    (found,) = folder.glob("lib/python3*/site-packages")
    return found


def foreign_wheel(folder: Path, name: str, package: str) -> Path:
    """A wheel of somebody else, with one package."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": "raise SystemExit('somebody else ran')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{file},," for file in (*files, f"{info}/RECORD")]
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": "\n".join(rows)}.items():
            archive.writestr(file, content)
    return wheel
