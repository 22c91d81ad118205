"""May this device have a token? The whole decision, without asking anybody. Pure.

A device proves itself by the organisation's enrolment key, or by a token of its own that is still
valid. With the key an unknown device is registered when auto-enrolment is on. A disabled or deleted
device gets nothing, whatever it shows.
"""

import hmac
from enum import Enum

from msgspec import Struct


class Verdict(Enum):
    GRANT = "a fresh token"
    REGISTER = "register it, then a fresh token"
    BAD_KEY = "the enrolment key is missing or wrong"
    UNKNOWN = "the device is not known, and auto-enrolment is off"
    BARRED = "the device is disabled or deleted"


class Standing(Struct, frozen=True):
    """What the hub knows of the device; None in its place = nothing."""

    disabled: bool
    deleted: bool


def decide(
    standing: Standing | None, *, key_fits: bool, own_token: bool, auto_enroll: bool
) -> Verdict:
    if not key_fits and not own_token:
        return Verdict.BAD_KEY
    if standing is None:
        return Verdict.REGISTER if key_fits and auto_enroll else Verdict.UNKNOWN
    if standing.disabled or standing.deleted:
        return Verdict.BARRED
    return Verdict.GRANT


def key_fits(shown: str | None, key: str) -> bool:
    """In constant time."""
    return shown is not None and hmac.compare_digest(shown.encode(), key.encode())
