"""Which packages are ours is said in `longline/packages.py`; `pyproject.toml` must say the same."""

import tomllib
from typing import Any, Final

from longline.packages import AGENT, OURS
from scripts.contracts import PROJECT, pure_modules

TOOL: Final[dict[str, Any]] = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]


def test_all_of_them_are_built_and_checked() -> None:
    assert set(TOOL["hatch"]["build"]["packages"]) == OURS
    assert set(TOOL["importlinter"]["root_packages"]) == OURS
    assert set(TOOL["basedpyright"]["include"]) == OURS | {"tests", "scripts"}


def test_every_package_at_the_root_is_one_of_them() -> None:
    found = {path.parent.name for path in PROJECT.parent.glob("*/__init__.py")}

    assert found - {"tests"} == OURS


def test_coverage_is_measured_where_modules_are_pure() -> None:
    assert set(TOOL["coverage"]["run"]["source"]) == {
        name.partition(".")[0] for name in pure_modules()
    }


def test_the_agent_may_import_no_package_but_its_own() -> None:
    (contract,) = [
        contract
        for contract in TOOL["importlinter"]["contracts"]
        if contract["name"] == "The device needs the vocabulary only"
    ]

    assert OURS - {*AGENT} <= set(contract["forbidden_modules"])
