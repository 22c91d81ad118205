"""One dialect of logs: an event in `snake_case`, everything else in fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from longline.packages import OURS
from scripts.figures import ROOT

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def logged(path: Path) -> Iterator[tuple[int, ast.expr | None]]:
    """(line, what stands first) of each call of a module's logger."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level), args=given
            ) if level in LEVELS:
                yield node.lineno, given[0] if given else None
            case _:
                pass


def test_every_line_of_a_log_names_its_event() -> None:
    sources = [path for package in OURS for path in (ROOT / package).rglob("*.py")]
    found = [(path, line, first) for path in sources for line, first in logged(path)]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, line, first in found
        if not (isinstance(first, ast.Constant) and EVENT.fullmatch(str(first.value)))
    ]
    assert len(found) > 80
    assert wrong == []
