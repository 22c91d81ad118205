"""May this device have a token? The whole decision, without asking anybody. Pure.

A device proves itself by the organisation's enrolment key, or by a token of its own that is good.
With a good token it gets another beside it. With the key an unknown device is registered when
auto-enrolment is on; a known one gets a token that ends all others, when the setting `reenroll`
allows that: whoever has the key must not take over a device that is at work. A disabled or deleted
device gets nothing, whatever it shows.
"""

import hmac
from enum import Enum
from typing import Final

from msgspec import Struct

from hub.base.principal import Reenroll

LATELY_SECONDS: Final = 60.0
"""So long after its line a device still counts as at work."""


class EnrollmentVerdict(Enum):
    RENEW = "a further token, beside its own"
    ENROLL = "a token that ends all others"
    REGISTER = "register it, then a token"
    BAD_KEY = "the enrolment key is missing or wrong"
    UNKNOWN = "the device is unknown, and auto-enrolment is off"
    BLOCKED = "the device is disabled or deleted"
    AT_WORK = "the device is connected, or was in the last minute"
    NEVER = "known devices cannot enrol again here"


class KnownDevice(Struct, frozen=True, kw_only=True):
    """What the hub knows of the device; None in its place = nothing."""

    disabled: bool = False
    deleted: bool = False
    lowest: int = 0
    highest: int = 0
    """Its tokens with a version from `lowest` to `highest` are good; 0 = it never had one."""
    on_line: bool = False
    line_lately: bool = False

    @property
    def blocked(self) -> bool:
        return self.disabled or self.deleted

    def covers(self, version: int | None) -> bool:
        return version is not None and self.lowest <= version <= self.highest

    @property
    def replaces(self) -> bool:
        """Whether a token that is good now would be ended by an enrolment."""
        return self.highest > 0 and self.lowest <= self.highest


def decide(
    standing: KnownDevice | None,
    *,
    key_fits: bool,
    token: int | None,
    auto_enroll: bool,
    reenroll: Reenroll,
) -> EnrollmentVerdict:
    """`token`: the version of a genuine token of this device that was shown."""
    own_token = standing is not None and standing.covers(token)
    if not key_fits and not own_token:
        return EnrollmentVerdict.BAD_KEY
    if standing is None:
        return EnrollmentVerdict.REGISTER if auto_enroll else EnrollmentVerdict.UNKNOWN
    if standing.blocked:
        return EnrollmentVerdict.BLOCKED
    if own_token:
        return EnrollmentVerdict.RENEW
    if not standing.replaces or reenroll == "always":
        return EnrollmentVerdict.ENROLL
    if reenroll == "never":
        return EnrollmentVerdict.NEVER
    return (
        EnrollmentVerdict.AT_WORK
        if standing.on_line or standing.line_lately
        else EnrollmentVerdict.ENROLL
    )


def key_fits(shown: str | None, key: str) -> bool:
    """In constant time."""
    return shown is not None and hmac.compare_digest(shown.encode(), key.encode())
