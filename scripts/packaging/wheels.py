"""The wheels of a package: what `requirements.lock` names for it, by hash, and our own."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from scripts.packaging.contents import PYTHON, Package

FIRST_OF_THE_MINOR: Final = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
"""A package is for every patch release of its Python: what the first of them needs is in it."""
OURS: Final = canonicalize_name("longline")
SECONDS: Final = 900


class CannotBuild(Exception):
    pass


class Project(Struct, frozen=True, rename="kebab"):
    version: str
    dependencies: list[str]
    optional_dependencies: dict[str, list[str]]


class _Sources(Struct, frozen=True):
    """Of `pyproject.toml` what a package needs."""

    project: Project


def project_in(root: Path) -> Project:
    return msgspec.toml.decode((root / "pyproject.toml").read_bytes(), type=_Sources).project


def version_in(root: Path) -> str:
    return project_in(root).version


def fetched(root: Path, extras: Sequence[str], folder: Path) -> list[Path]:
    """What the lock names, each in `folder`, sorted. Raises `CannotBuild`."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.lock"
    wanted.write_text(
        locked((root / "requirements.lock").read_text(), needed(project_in(root), extras))
    )
    run(
        *(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("-r", str(wanted), "--dest", str(folder)),
        cwd=root,
    )  # fmt: skip
    return sorted(path for path in folder.glob("*.whl") if not path.name.startswith("longline-"))


def locked(lock: str, names: set[NormalizedName]) -> str:
    """Those entries of a lock, whatever their markers say of this very interpreter."""
    entries = {
        canonicalize_name(entry.partition("==")[0]): entry
        for entry in re.split(r"^(?=[a-zA-Z0-9])", lock, flags=re.MULTILINE)
        if "==" in entry
    }
    missing = sorted(names - entries.keys())
    if missing:
        raise CannotBuild(f"requirements.lock does not name {', '.join(missing)}")
    return "".join(re.sub(r" ; [^\\\n]*", " ", entries[name]) for name in sorted(names))


def needed(project: Project, extras: Sequence[str]) -> set[NormalizedName]:
    """What it requires with these extras, and what that requires, on the first release of this
    minor version of Python."""
    found: set[NormalizedName] = set()
    waiting = _own(project, extras)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == OURS:
            waiting += _own(project, sorted(requirement.extras))
        elif name not in found:
            found.add(name)
            waiting += _of(name, sorted(requirement.extras))
    return found


def _own(project: Project, extras: Sequence[str]) -> list[Requirement]:
    """As the sources say it: what is installed may be another version of them."""
    texts = [*project.dependencies]
    for extra in extras:
        texts += project.optional_dependencies[extra]
    return [each for text in texts if _counts(each := Requirement(text), extras)]


def _of(distribution: str, extras: Sequence[str]) -> list[Requirement]:
    try:
        texts = requires(distribution) or []
    except PackageNotFoundError:
        return []  # it is not for this very interpreter, and needs nothing in turn
    return [each for text in texts if _counts(each := Requirement(text), extras)]


def _counts(requirement: Requirement, extras: Sequence[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate({**FIRST_OF_THE_MINOR, "extra": extra})
        for extra in ("", *extras)
    )


def own_wheel(root: Path, package: Package, folder: Path) -> Path:
    """Ours, with the console where the package has one. Raises `CannotBuild`."""
    into = folder / package.name
    variables = dict(os.environ)
    if not package.console:
        variables["LONGLINE_NO_CONSOLE"] = "1"
    argv = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into))
    run(*argv, cwd=root, environ=variables)
    (made,) = into.glob("*.whl")
    return made


def run(*argv: str, cwd: Path, environ: dict[str, str] | None = None) -> None:
    """Raises `CannotBuild` with what the program said."""
    try:
        done = subprocess.run(  # noqa: S603
            argv, cwd=cwd, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except OSError as error:
        raise CannotBuild(f"{argv[0]} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise CannotBuild(f"{Path(argv[0]).name} failed:\n{done.stdout}{done.stderr}".strip())
