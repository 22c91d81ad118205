"""Enrolment tokens and requests, as they are stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from hub.enrollment.deciding import RequestStatus
from protocol.ids import DeviceId, OrgId


class Identity(Struct, frozen=True, kw_only=True):
    """What a device says of itself when it enrols; None = it does not say."""

    name: str | None = None
    company_id: str | None = None
    production_line_id: str | None = None
    version: str | None = None


class Maker(Struct, frozen=True):
    """Who made a token, or took it over."""

    kind: str
    subject: str
    key_id: str | None
    name: str


class EnrollmentToken(Struct, frozen=True, kw_only=True):
    org: OrgId
    token_id: str
    name: str
    max_uses: int | None
    """None: as often as somebody likes."""
    uses: int
    expires_at: datetime | None
    group_ids: Sequence[str]
    labels: Mapping[str, str]
    """What a device that comes in by it gets."""
    approval: bool
    """Whether a person has to approve each device."""
    maker: Maker
    created_at: datetime


class EnrollmentRequest(Struct, frozen=True, kw_only=True):
    org: OrgId
    request_id: str
    device_id: DeviceId
    fingerprint: str
    address: str | None
    token_id: str | None
    """The enrolment token that was shown; None for a device whose own token this database does not
    know."""
    status: RequestStatus
    group_ids: Sequence[str]
    tags: Sequence[str]
    """What the person who approved it gives."""
    requested_at: datetime
