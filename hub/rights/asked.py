"""What an organisation asks of who signs in, beyond what shows who it is. Pure.

A session that lacks it has no rights there, until its user has shown it: so a setting counts for
the sessions that there are, and nobody is shut out who has yet to add what is asked.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from hub.base.principal import Lacks, Role

AdminFactor = Literal["none", "second_factor", "passkey"]
"""What administrators show beside a password: nothing, a code or a passkey, or a passkey."""
Shown = Literal["one_factor", "second_factor", "passkey"]
"""What a session's user has shown of who it is: a password or a provider's word, that and a code,
or a passkey."""

_STRENGTH: Final = {"none": 0, "one_factor": 0, "second_factor": 1, "passkey": 2}
SETTINGS: Final = ("admin_factor", "provider_required")
"""As they are stored: sql/queries/rights.sql names them, too."""


class SignInRules(Struct, frozen=True):
    admin_factor: AdminFactor = "none"
    provider_required: bool = False
    """Whether members sign in by a provider; administrators may by password, or nobody could while
    it is away."""


NOTHING: Final = SignInRules()


def asked_of(stored: Mapping[str, Any]) -> SignInRules:
    """By the settings of an organisation, as they are stored."""
    return SignInRules(**{name: stored[name] for name in SETTINGS if name in stored})


def satisfies(shown: Shown, factor: AdminFactor) -> bool:
    return _STRENGTH[shown] >= _STRENGTH[factor]


def lacks(asked: SignInRules, role: Role, shown: Shown, *, by_provider: bool) -> Lacks | None:
    """What a session of somebody with this role has yet to show."""
    if role == "ADMIN":
        if satisfies(shown, asked.admin_factor):
            return None
        return "passkey" if asked.admin_factor == "passkey" else "second_factor"
    return "provider" if asked.provider_required and not by_provider else None
