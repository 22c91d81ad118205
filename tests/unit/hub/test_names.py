import ast
from collections import defaultdict
from pathlib import Path

import hub

ROOT = Path(hub.__file__).parent


def test_a_public_class_has_a_name_of_its_own() -> None:
    """A name says whose it is: who reads it somewhere does not have to look where it came from."""
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for module in ROOT.rglob("*.py"):
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(module.relative_to(ROOT)))
    assert len(homes) > 300
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
