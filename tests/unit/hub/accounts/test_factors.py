"""Codes of authenticator programs against the vectors of RFC 6238, and codes that people type."""

import base64

import pytest

from hub.accounts.factors import (
    STEP_SECONDS,
    new_recovery_codes,
    new_totp_secret,
    new_user_code,
    recovery_code,
    shown_user_code,
    totp_step,
    totp_uri,
    user_code,
)

RFC = base64.b32encode(b"12345678901234567890").decode()
"""The secret of RFC 6238, appendix B; of its eight digits the last six."""


@pytest.mark.parametrize(
    ("now", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    assert totp_step(RFC, code, now, after=0) == now // STEP_SECONDS
    assert totp_step(RFC, f" {code[:3]} {code[3:]} ", now, after=0) == now // STEP_SECONDS


def test_a_code_counts_once_and_a_step_early_or_late() -> None:
    step = 1111111109 // STEP_SECONDS
    for now in (step - 1, step, step + 1):
        assert totp_step(RFC, "081804", now * STEP_SECONDS, after=0) == step
    for now in (step - 2, step + 2):
        assert totp_step(RFC, "081804", now * STEP_SECONDS, after=0) is None
    assert totp_step(RFC, "081804", step * STEP_SECONDS, after=step) is None
    assert totp_step(RFC, "081805", step * STEP_SECONDS, after=0) is None
    assert totp_step(RFC, "ä", step * STEP_SECONDS, after=0) is None


def test_a_program_reads_the_secret_and_whose_it_is() -> None:
    secret = new_totp_secret()
    assert len(secret) == 32
    assert totp_uri(secret, "anna") == (
        f"otpauth://totp/Longline:anna?secret={secret}&issuer=Longline"
    )


def test_recovery_codes_are_ten_and_read_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    (one, *_) = codes
    assert recovery_code(f" {one.upper()} ") == recovery_code(one.replace("-", "")) != one


def test_a_user_code_has_eight_letters_that_make_no_words() -> None:
    code = new_user_code()
    assert len(code) == 8
    assert set(code) <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert user_code(shown_user_code(code).lower()) == code
