"""What is installed, and so what is served, is what was looked at: every package by its hash."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
USERS = ROOT / "requirements.lock"
DEVELOPERS = ROOT / "development.lock"


def test_every_package_of_the_console_has_its_hash_in_the_lock() -> None:
    lock = json.loads((ROOT / "console" / "package-lock.json").read_text())
    packages = {name: row for name, row in lock["packages"].items() if name}

    assert "node_modules/swagger-ui-dist" in packages
    assert [n for n, row in packages.items() if not row["integrity"].startswith("sha512-")] == []


def test_the_console_names_exact_versions() -> None:
    wanted = json.loads((ROOT / "console" / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}

    assert [n for n, v in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", v)] == []


def test_no_package_of_the_console_runs_a_script_when_it_is_installed() -> None:
    assert "ignore-scripts=true" in (ROOT / "console" / ".npmrc").read_text().splitlines()


@pytest.mark.parametrize(
    "lock",
    [USERS, DEVELOPERS, *sorted((ROOT / "tests").rglob("*.lock"))],
    ids=lambda path: path.name,
)
def test_every_package_of_python_has_its_hash_in_the_lock(lock: Path) -> None:
    packages = entries(lock)

    assert packages
    assert [e for e in packages if "==" not in e or "--hash=sha256:" not in e] == []


def entries(lock: Path) -> list[str]:
    return re.split(r"^(?=[a-zA-Z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]


def versions(lock: Path) -> set[str]:
    return {entry.partition(" \\")[0] for entry in entries(lock)}


def names(lock: Path) -> set[str]:
    return {entry.partition("==")[0] for entry in entries(lock)}


def test_users_get_versions_that_were_tested() -> None:
    assert versions(USERS) < versions(DEVELOPERS)


def test_users_get_every_extra_and_what_builds_the_wheel_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    base = project["project"]["dependencies"]
    build, *tools = project["dependency-groups"]["dev"]
    wanted = [*base, *extras["hub"], *extras["embedded"], *project["dependency-groups"]["build"]]

    assert build == {"include-group": "build"}
    assert {name_of(each) for each in wanted} - {"longline"} <= names(USERS)
    brought = {"h11"}  # by httpcore
    assert {name_of(each) for each in tools} & names(USERS) == brought


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
