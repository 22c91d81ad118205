"""What a session has yet to show, by what its organisation asks."""

import pytest

from hub.base.principal import Lacks, Role
from hub.rights.asked import AdminFactor, Shown, SignInRules, asked_of, lacks


@pytest.mark.parametrize(
    ("factor", "shown", "missing"),
    [
        ("none", "one_factor", None),
        ("second_factor", "one_factor", "second_factor"),
        ("second_factor", "second_factor", None),
        ("second_factor", "passkey", None),
        ("passkey", "one_factor", "passkey"),
        ("passkey", "second_factor", "passkey"),
        ("passkey", "passkey", None),
    ],
)
def test_administrators_show_the_factor_that_is_asked(
    factor: AdminFactor, shown: Shown, missing: Lacks | None
) -> None:
    asked = SignInRules(factor, provider_required=True)
    assert lacks(asked, "ADMIN", shown, by_provider=False) == missing


@pytest.mark.parametrize("role", ["NONE", "VIEWER", "OPERATOR", "MANAGER"])
def test_others_sign_in_by_the_provider(role: Role) -> None:
    asked = SignInRules("passkey", provider_required=True)
    assert lacks(asked, role, "passkey", by_provider=False) == "provider"
    assert lacks(asked, role, "one_factor", by_provider=True) is None
    assert lacks(SignInRules("passkey"), role, "one_factor", by_provider=False) is None


def test_what_is_not_set_is_not_asked() -> None:
    assert asked_of({"auto_enroll": True}) == SignInRules("none", provider_required=False)
    assert asked_of({"admin_factor": "passkey", "provider_required": True}) == SignInRules(
        "passkey", provider_required=True
    )
