"""Error codes, as they stand in problem documents, error frames and command records.

WireError
├── InvalidMessage      what the peer sent does not decode or validate
└── (the hub's and the device's own trees are in their `errors` modules)
"""

from enum import StrEnum


class ProblemCode(StrEnum):
    """`code` of a REST problem document."""

    INVALID = "invalid"
    BAD_SIGNATURE = "bad_signature"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    REAUTHENTICATE = "reauthenticate"
    SECOND_FACTOR = "second_factor"
    USE_PROVIDER = "use_provider"
    REENROLL_REFUSED = "reenroll_refused"
    ENROLLMENT_TOKEN_USED = "enrollment_token_used"  # noqa: S105
    ENROLLMENT_TOKEN_EXPIRED = "enrollment_token_expired"  # noqa: S105
    PENDING_APPROVAL = "pending_approval"
    QUARANTINED = "quarantined"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_MANY = "too_many"
    ENDED = "ended"
    TOO_MANY_COMMANDS = "too_many_commands"
    BLAST_RADIUS = "blast_radius"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    PRECONDITION_FAILED = "precondition_failed"
    MISDIRECTED = "misdirected"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    BAD_ENROLLMENT_KEY = "bad_enrollment_key"
    INSUFFICIENT_STORAGE = "insufficient_storage"
    ESCALATION = "escalation"
    LAST_ADMINISTRATOR = "last_administrator"
    SHARED_ACCOUNT = "shared_account"
    SIGN_IN_FIRST = "sign_in_first"
    PUBLIC_URL_MISSING = "public_url_missing"
    MASTER_KEY_MISSING = "master_key_missing"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_REQUIRED = "certificate_required"
    UNSUPPORTED = "unsupported"
    UNTRUSTED_QUERY = "untrusted_query"
    NEEDS_SIGNATURE = "needs_signature"
    GONE = "gone"
    DEVICE_OFFLINE = "device_offline"
    REFUSED_BY_DEVICE = "refused_by_device"
    TOO_MANY_SESSIONS = "too_many_sessions"
    RELAY_UNAVAILABLE = "relay_unavailable"


class CommandErrorCode(StrEnum):
    """`error.code` of a command when the hub sets it; a device's own codes are free."""

    DEVICE_OFFLINE = "device_offline"
    NOT_DELIVERED = "not_delivered"
    TIMEOUT = "timeout"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    SELF_UPDATING = "self_updating"
    APPROVAL_REJECTED = "approval_rejected"
    APPROVAL_EXPIRED = "approval_expired"


class FrameErrorCode(StrEnum):
    """`code` of an `error` frame on either socket."""

    INVALID_FRAME = "invalid_frame"
    UNKNOWN_COMMAND = "unknown_command"
    TOO_FAST = "too_fast"
    TOO_MANY_METRICS = "too_many_metrics"
    QUARANTINED = "quarantined"
    SINCE_TOO_LATE = "since_too_late"
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    FORBIDDEN = "forbidden"


class WireError(Exception):
    """Something about a message is wrong."""


class InvalidMessage(WireError):
    """What the peer sent does not decode or validate.

    `field` is the JSON path of the culprit as msgspec names it (`command.lines`), or empty.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
