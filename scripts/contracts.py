"""A kind of import contract: what the pure modules may not import.

Which modules are pure is said once, in `pyproject.toml` under `[tool.coverage.report]`: they are
the ones whose tests must be complete.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from importlinter.contracts.forbidden import ForbiddenContract

PROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"


class PureModulesContract(ForbiddenContract):
    """A `forbidden` contract whose `source_modules` are the pure modules."""

    type_name = "pure_modules"

    def __init__(
        self, name: str, session_options: dict[str, Any], contract_options: dict[str, Any]
    ) -> None:
        options = {**contract_options, "source_modules": pure_modules()}
        super().__init__(name, session_options, options)


def pure_modules(project: Path = PROJECT) -> list[str]:
    """Dotted names; a package stands for all that is in it."""
    listed: list[str] = tomllib.loads(project.read_text("utf-8"))["tool"]["coverage"]["report"][
        "include"
    ]
    return [path.removesuffix("/*").removesuffix(".py").replace("/", ".") for path in listed]
