"""Who calls: the outcome of authentication, as every endpoint receives it."""

from typing import Literal

from msgspec import Struct

from hub.base.holding import Holding, Reach
from protocol.ids import DEFAULT_ORG, OrgId

Role = Literal["NONE", "VIEWER", "OPERATOR", "MANAGER", "ADMIN"]
Lacks = Literal["second_factor", "passkey", "provider"]
"""What an organisation asks of a session and it has yet to show."""
Reenroll = Literal["offline", "always", "never"]
"""Whether a device that is known may enrol again: one that is not on a line, each, none."""


class Principal(Struct, frozen=True, kw_only=True):
    """`kind` says what proved it: a user's token, an API key, a device's token, the hub itself
    (its command line, its own jobs), or nothing."""

    org: OrgId
    kind: Literal["user", "api_key", "device", "hub", "anyone"]
    subject: str
    """The id of the user (also for an API key), or of the device."""
    actor: str
    """The name under which the audit knows it."""
    role: Role | None = None
    """None for devices and for anyone. It is shown; what counts are `rights`."""
    rights: Holding = Holding()
    reach: Reach | None = None
    """Over which devices the right holds by which it calls; None for all of the organisation."""
    instance_admin: bool = False
    """Whether it may make and end organisations."""
    session_id: str | None = None
    lacks: Lacks | None = None
    """Why its session has no rights."""
    key_id: str | None = None
    """Of the API key."""
    version: int = 0
    """Of a device's token."""
    serial: str | None = None
    """Of the certificate by which a device came."""
    expires_at: float = 0.0
    """When the proof runs out, in seconds since 1970 by the database."""
    address: str | None = None
    """From where it calls, as far as it is known."""
    request_id: str | None = None
    via: str | None = None
    """What does it for its owner, later: `campaign:<id>`, `schedule:<id>`."""


ANYONE = Principal(org=DEFAULT_ORG, kind="anyone", subject="", actor="anyone")


def is_same_device(one: Principal, other: Principal) -> bool:
    """Of two that are devices."""
    return (one.org, one.subject) == (other.org, other.subject)
