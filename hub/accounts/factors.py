"""One-time codes of authenticator programs (RFC 6238), recovery codes, and the codes that people
type to sign in a program on another device (RFC 8628). Pure. The only module that sees pyotp."""

import secrets
from typing import Final

from pyotp import random_base32
from pyotp.totp import TOTP

STEP_SECONDS: Final = 30
NEARBY: Final = 1
"""Steps of time before and after that count, too."""
RECOVERY_CODES: Final = 10
ISSUER: Final = "Longline"
_RECOVERY_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_USER_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels: no words."""


def new_totp_secret() -> str:
    return random_base32()


def totp_uri(secret: str, username: str) -> str:
    """What an authenticator program reads, often as a picture."""
    return TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def totp_step(secret: str, code: str, now: float, *, after: int) -> int | None:
    """The step of time whose code it is, if it is later than `after`; None for a wrong code. `now`
    in seconds since 1970."""
    typed = "".join(code.split())
    generator = TOTP(secret)
    present = int(now) // STEP_SECONDS
    for step in range(present - NEARBY, present + NEARBY + 1):
        if step > after and secrets.compare_digest(
            generator.at(step * STEP_SECONDS).encode(), typed.encode()
        ):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Each of 50 random bits, for people to write down."""
    return [f"{_word(5)}-{_word(5)}" for _ in range(RECOVERY_CODES)]


def recovery_code(typed: str) -> str:
    """As it is stored: without what people add or leave out."""
    return "".join(typed.split()).replace("-", "").lower()


def _word(length: int) -> str:
    return "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(length))


def new_user_code() -> str:
    return "".join(secrets.choice(_USER_ALPHABET) for _ in range(8))


def user_code(typed: str) -> str:
    """As it is stored, whatever its case and hyphens."""
    return "".join(typed.split()).replace("-", "").upper()


def shown_user_code(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"
