"""Is this certificate of ours good now? Pure."""

from enum import Enum

from msgspec import Struct

from hub.certificates.reading import ShownCertificate


class CertificateVerdict(Enum):
    GOOD = "good"
    REVOKED = "the certificate has been revoked"
    SUPERSEDED = "the certificate was superseded by a later one"
    EXPIRED = "the certificate has expired"
    UNKNOWN = "the certificate is not known here"


class CertificateStanding(Struct, frozen=True, kw_only=True):
    """What its row says, and that of its device; None in its place where there is none."""

    fingerprint: str
    ended: bool
    disabled: bool
    deleted: bool
    good_until: float | None
    """In seconds since 1970, where a later one is in use."""


def judge(
    shown: ShownCertificate, standing: CertificateStanding | None, now: float
) -> CertificateVerdict:
    """`now` is the database's time."""
    if standing is None or standing.deleted or standing.fingerprint != shown.fingerprint:
        return CertificateVerdict.UNKNOWN
    if standing.ended or standing.disabled:
        return CertificateVerdict.REVOKED
    if not shown.begins_at.timestamp() <= now < shown.expires_at.timestamp():
        return CertificateVerdict.EXPIRED
    if standing.good_until is not None and standing.good_until <= now:
        return CertificateVerdict.SUPERSEDED
    return CertificateVerdict.GOOD
