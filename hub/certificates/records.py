"""Certificates as their rows say it. Pure."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from protocol.ids import DeviceId, OrgId

CertificateStatus = Literal["valid", "superseded", "revoked", "expired"]


class Issued(Struct, frozen=True, kw_only=True):
    """A new certificate; all text is PEM."""

    certificate: str
    chain: str
    """The authority that signed it and those above, then those that are trusted beside it."""
    serial: str
    fingerprint: str
    expires_at: datetime


class CertificateRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    serial: str
    """Hex, in lower case."""
    device_id: DeviceId
    fingerprint: str
    """SHA-256 of the DER, in hex."""
    issued_at: datetime
    expires_at: datetime
    first_used: datetime | None
    good_until: datetime | None
    """Until when it still counts beside a later one that is in use."""
    ended_at: datetime | None
    reason: str | None
    status: CertificateStatus
