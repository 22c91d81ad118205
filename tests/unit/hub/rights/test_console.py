"""What the console's tests take the built-in roles to give."""

import json
from pathlib import Path

import pytest

from hub.rights.access import ROLES

ROOT = Path(__file__).parents[4]
GIVEN: dict[str, list[str]] = json.loads(
    (ROOT / "console" / "src" / "testing" / "roles.json").read_text("utf-8")
)
KNOWN = frozenset[str]().union(*GIVEN.values())


@pytest.mark.parametrize("role", [role for role in ROLES if role != "NONE"])
def test_the_console_is_tested_with_what_a_role_gives(role: str) -> None:
    # What is new here and not asked for there is no fault of it.
    expected = {right for name, rights in ROLES.items() if name == role for right in rights}

    assert set(GIVEN[role]) == expected & KNOWN
