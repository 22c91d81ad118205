"""May this device have a token? The whole decision, without asking anybody. Pure.

A device proves itself by a good token or certificate of its own, by an enrolment token, by a
request that a person has approved, or by the organisation's enrolment key. With its own it gets
another beside it. Otherwise an unknown device is registered, by the key only when auto-enrolment is
on; a known one gets a token that ends all others, when the setting `reenroll` allows that: whoever
has the key must not take over a device that is at work. A device in quarantine has its token
renewed and nothing else; a disabled or deleted one gets nothing, whatever it shows. Where a person
has to look first, the device becomes an enrolment request: while that waits, what admits by itself
still does; once it is rejected, nothing does that comes with it.
"""

import hmac
from enum import Enum
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

from hub.base.principal import Reenroll

LATELY_SECONDS: Final = 60.0
"""So long after its line a device still counts as at work."""
MOST_REQUESTS: Final = 5
"""Of one id that wait for a person."""

OwnCertificate = Literal["good", "ended", "lost"]
"""Lost: our authority gave it, and the database does not know it."""
RequestStatus = Literal["pending", "approved", "rejected", "ended"]


class EnrollmentVerdict(Enum):
    RENEW = "a further token, beside its own"
    ENROLL = "a token that ends all others"
    REGISTER = "register it, then a token"
    ASK = "a person has to approve it: it becomes an enrolment request"
    WAIT = "its enrolment request waits for a person"
    BAD_KEY = "the enrolment key or token is missing or wrong"
    UNKNOWN = "the device is unknown, and auto-enrolment is off"
    BLOCKED = "the device is disabled or deleted"
    AT_WORK = "the device is connected, or was in the last minute"
    QUARANTINED = "the device is in quarantine"
    NEVER = "known devices cannot enrol again here"
    REJECTED = "its enrolment request was rejected, or another of its id was approved"
    TOKEN_USED = "the enrolment token is used up"  # noqa: S105
    TOKEN_EXPIRED = "the enrolment token has expired"  # noqa: S105
    TOKEN_DISABLED = "who made the enrolment token may not make it any more"  # noqa: S105


class KnownDevice(Struct, frozen=True, kw_only=True):
    """What the hub knows of the device; None in its place = nothing."""

    disabled: bool = False
    deleted: bool = False
    lowest: int = 0
    highest: int = 0
    """Its tokens with a version from `lowest` to `highest` are good; 0 = it never had one."""
    on_line: bool = False
    line_lately: bool = False
    quarantined: bool = False
    reopened: bool = False
    """An administrator lets it enrol again, once."""

    @property
    def blocked(self) -> bool:
        return self.disabled or self.deleted

    def covers(self, version: int | None) -> bool:
        return version is not None and self.lowest <= version <= self.highest

    @property
    def replaces(self) -> bool:
        """Whether a token that is good now would be ended by an enrolment."""
        return self.highest > 0 and self.lowest <= self.highest


class ShownToken(Struct, frozen=True, kw_only=True):
    """How an enrolment token stands that was shown, at this moment."""

    approval: bool
    """Whether a person has to approve each device."""
    max_uses: int | None
    uses: int
    is_same_use: bool
    """Of the same device, from the same place, within minutes: its answer may have been lost."""
    is_expired: bool
    is_disabled: bool


class Shown(Struct, frozen=True, kw_only=True):
    """What the device proves itself by."""

    version: int | None = None
    """Of a genuine token of this device; it may have ended."""
    certificate: OwnCertificate | None = None
    """Of this device, and given by us."""
    request: RequestStatus | None = None
    """Of the enrolment request whose secret was shown."""
    token: ShownToken | None = None
    key_fits: bool = False


def decide(
    standing: KnownDevice | None, shown: Shown, *, auto_enroll: bool, reenroll: Reenroll
) -> EnrollmentVerdict:
    own = standing is not None and (standing.covers(shown.version) or shown.certificate == "good")
    if standing is not None and standing.blocked:
        return EnrollmentVerdict.BLOCKED if own or _is_known(shown) else _BAD_KEY
    if own:
        return EnrollmentVerdict.RENEW
    if standing is not None and standing.quarantined:
        return EnrollmentVerdict.QUARANTINED if _is_known(shown) else _BAD_KEY
    if shown.request == "rejected":
        return EnrollmentVerdict.REJECTED
    if shown.request == "approved":
        return _admitted(standing)
    by_itself = _without_request(standing, shown, auto_enroll=auto_enroll, reenroll=reenroll)
    if by_itself in _ADMITS or shown.request is None:
        return by_itself
    # What waits for a person is not refused for what else is shown, and is not let in for it.
    return EnrollmentVerdict.WAIT if shown.request == "pending" else EnrollmentVerdict.REJECTED


_BAD_KEY: Final = EnrollmentVerdict.BAD_KEY
_ADMITS: Final = frozenset({EnrollmentVerdict.REGISTER, EnrollmentVerdict.ENROLL})


def _is_known(shown: Shown) -> bool:
    return shown.request is not None or shown.token is not None or shown.key_fits


def _admitted(standing: KnownDevice | None) -> EnrollmentVerdict:
    return EnrollmentVerdict.REGISTER if standing is None else EnrollmentVerdict.ENROLL


def _without_request(
    standing: KnownDevice | None, shown: Shown, *, auto_enroll: bool, reenroll: Reenroll
) -> EnrollmentVerdict:
    """By the enrolment token, else by the key."""
    if shown.token is not None:
        refused = _refused_token(shown.token)
        if refused is not None:
            return refused
    elif not shown.key_fits:
        # The database is older than what the device shows.
        lost = shown.certificate == "lost" or (standing is None and shown.version is not None)
        return EnrollmentVerdict.ASK if lost else _BAD_KEY
    elif standing is None and not auto_enroll:
        return EnrollmentVerdict.UNKNOWN
    if standing is None or standing.reopened:
        return _admitted(standing)
    return _again(standing, reenroll)


def _refused_token(token: ShownToken) -> EnrollmentVerdict | None:
    if token.is_disabled:
        return EnrollmentVerdict.TOKEN_DISABLED
    if token.is_expired:
        return EnrollmentVerdict.TOKEN_EXPIRED
    if token.max_uses is not None and token.uses >= token.max_uses and not token.is_same_use:
        return EnrollmentVerdict.TOKEN_USED
    return EnrollmentVerdict.ASK if token.approval else None


def _again(standing: KnownDevice, reenroll: Reenroll) -> EnrollmentVerdict:
    if not standing.replaces or reenroll == "always":
        return EnrollmentVerdict.ENROLL
    if reenroll == "never":
        return EnrollmentVerdict.NEVER
    at_work = standing.on_line or standing.line_lately
    return EnrollmentVerdict.AT_WORK if at_work else EnrollmentVerdict.ENROLL


def key_fits(shown: str | None, key: str) -> bool:
    """In constant time."""
    return shown is not None and hmac.compare_digest(shown.encode(), key.encode())


def proof_of_key(key: bytes) -> bytes:
    """By what a request is found again, of the public key (DER) that it was made with."""
    return sha256(key).digest()


def fingerprint_of(proof: bytes) -> str:
    """What a person compares: the first 8 bytes of SHA-256 of the secret of a request, or of the
    public key (DER) that it shows."""
    return sha256(proof).digest()[:8].hex(":")
