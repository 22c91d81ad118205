"""What is installed, and so what is served, is what was looked at: every package by its hash."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


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
    [ROOT / "requirements.lock", *sorted((ROOT / "tests").rglob("*.lock"))],
    ids=lambda path: path.name,
)
def test_every_package_of_python_has_its_hash_in_the_lock(lock: Path) -> None:
    entries = re.split(r"^(?=[a-zA-Z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]

    assert entries
    assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []
