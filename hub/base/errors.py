"""What can go wrong in the hub, and how a REST caller is told.

HubError                            each carries a ProblemCode; PROBLEMS gives its HTTP status
├── Invalid                400      the request does not validate (`errors` names the fields)
├── BadSignature           400      a command is signed by nobody whose signature counts
├── UntrustedFilter        400      the same of a filter (see UntrustedQuery)
├── Unauthenticated        401
│   ├── SessionEnded           what was shown was good once
│   ├── CertificateRevoked
│   ├── CertificateExpired
│   └── CertificateUnknown     also of another authority
├── BadEnrollmentKey       401
├── Forbidden              403
├── CertificateRequired    403      a device may only enrol here without one
├── Reauthenticate         403      needs a sign-in of the last minutes (`methods` names how)
├── SecondFactorMissing    403      the password fits, a code is missing (`challenge`)
├── UseProvider            403      the organisation asks for a sign-in by a provider
├── ReenrollRefused        403      the device has a line, or had one lately
├── EnrollmentTokenUsed    403      as many devices came in by it as may
├── EnrollmentTokenExpired 403
├── PendingApproval        403      a person has to let the device in (`fingerprint`)
├── Escalation             403      nobody grants what they do not have
├── NotFound               404      also what belongs to somebody else
├── Conflict               409
├── TooMany                409      there are as many of these as there may be
├── LastAdministrator      409      an organisation keeps one who can sign in without a provider
├── SharedAccount          409      the account is a member of another organisation, too
├── SignInFirst            409      the user name is somebody's: who has it joins by an invitation
├── Ended                  409      the command has ended already
├── MasterKeyMissing       409      it is kept sealed only, and LONGLINE_MASTER_KEY_FILE is not set
├── PublicUrlMissing       409      a link is wanted, and LONGLINE_PUBLIC_URL is not set
├── Unsupported            409      it cannot be done here
├── UntrustedQuery         409      devices could get in by what they say
├── NeedsSignature         409      devices want it signed by a person, who is not there later
├── DeviceOffline          409      there is no line, and it cannot wait for one
├── Quarantined            409      nothing is sent to the device
├── QuarantinedEnrollment  403      it cannot enrol anew
├── QuarantinedCaller      503      the caller is a device of which nothing is taken
├── Gone                   410      it was there, and is used, ended or withdrawn
├── TooLarge               413
├── UnsupportedMedia       415
├── PreconditionFailed     412      it is another than the caller names
├── Misdirected            421      a browser calls us by a name that is not ours
├── RefusedByDevice        422      the device says why (`device`)
├── TooManySessions        429      of a device and kind, or of a person
├── TooManyCommands        429      the device has 50 unfinished commands
├── BlastRadiusExceeded    429      a dangerous call over a cap, and nobody else could approve it
├── TooManyRequests        429
├── Overloaded             503      a bounded queue of ours is full
├── RelayUnavailable       503      Redis does not answer, and both ends are on two replicas
├── Unavailable            503      Postgres does not answer
└── InsufficientStorage    507      no room for another artifact

ConfigurationError                  settings or surroundings are wrong: one line, exit code 2
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from msgspec import UNSET, Struct, UnsetType

from protocol.errors import ProblemCode


class FieldError(Struct, frozen=True):
    """One row of a problem document's `errors`; `field` is a JSON path. Of a text in a language it
    says where: by `line`, or by `position`, in characters from 0, with what could stand there."""

    field: str
    message: str
    line: int | UnsetType | None = UNSET
    position: int | UnsetType = UNSET
    expected: list[str] | UnsetType = UNSET


class HubError(Exception):
    """`detail` goes to the caller as it is: it never holds a secret."""

    code: ClassVar[ProblemCode]
    status: ClassVar[int | None] = None
    """One of those that `PROBLEMS` names; None: the first."""
    detail: str
    retry_after: int | None = None
    errors: list[FieldError]
    members: Mapping[str, object]
    """Further members of the problem document."""

    def __init__(
        self,
        detail: str,
        *,
        retry_after: int | None = None,
        errors: list[FieldError] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors or []
        self.members = members or {}


class Invalid(HubError):
    code = ProblemCode.INVALID


def invalid(field: str, message: str) -> Invalid:
    """About one field, named by its JSON path."""
    return Invalid(f"{field}: {message}", errors=[FieldError(field, message)])


class BadSignature(HubError):
    code = ProblemCode.BAD_SIGNATURE


class Unauthenticated(HubError):
    code = ProblemCode.UNAUTHENTICATED


class SessionEnded(Unauthenticated):
    pass


class BadEnrollmentKey(HubError):
    code = ProblemCode.BAD_ENROLLMENT_KEY


class CertificateRevoked(Unauthenticated):
    code = ProblemCode.CERTIFICATE_REVOKED


class CertificateExpired(Unauthenticated):
    code = ProblemCode.CERTIFICATE_EXPIRED


class CertificateUnknown(Unauthenticated):
    code = ProblemCode.CERTIFICATE_UNKNOWN


class CertificateRequired(HubError):
    code = ProblemCode.CERTIFICATE_REQUIRED


class Forbidden(HubError):
    code = ProblemCode.FORBIDDEN


class Reauthenticate(HubError):
    code = ProblemCode.REAUTHENTICATE


class SecondFactorMissing(HubError):
    code = ProblemCode.SECOND_FACTOR


class UseProvider(HubError):
    code = ProblemCode.USE_PROVIDER


class ReenrollRefused(HubError):
    code = ProblemCode.REENROLL_REFUSED


class EnrollmentTokenUsed(HubError):
    code = ProblemCode.ENROLLMENT_TOKEN_USED


class EnrollmentTokenExpired(HubError):
    code = ProblemCode.ENROLLMENT_TOKEN_EXPIRED


class PendingApproval(HubError):
    code = ProblemCode.PENDING_APPROVAL


class Escalation(HubError):
    code = ProblemCode.ESCALATION


class NotFound(HubError):
    code = ProblemCode.NOT_FOUND


class Conflict(HubError):
    code = ProblemCode.CONFLICT


class TooMany(HubError):
    code = ProblemCode.TOO_MANY


class LastAdministrator(HubError):
    code = ProblemCode.LAST_ADMINISTRATOR


class SharedAccount(HubError):
    code = ProblemCode.SHARED_ACCOUNT


class SignInFirst(HubError):
    code = ProblemCode.SIGN_IN_FIRST


class PublicUrlMissing(HubError):
    code = ProblemCode.PUBLIC_URL_MISSING


class MasterKeyMissing(HubError):
    code = ProblemCode.MASTER_KEY_MISSING


class Unsupported(HubError):
    code = ProblemCode.UNSUPPORTED


class UntrustedQuery(HubError):
    code = ProblemCode.UNTRUSTED_QUERY


class NeedsSignature(HubError):
    code = ProblemCode.NEEDS_SIGNATURE


class UntrustedFilter(HubError):
    code = ProblemCode.UNTRUSTED_QUERY
    status = 400


class Quarantined(HubError):
    code = ProblemCode.QUARANTINED


class QuarantinedEnrollment(HubError):
    code = ProblemCode.QUARANTINED
    status = 403


class QuarantinedCaller(HubError):
    code = ProblemCode.QUARANTINED
    status = 503


class Gone(HubError):
    code = ProblemCode.GONE


class Ended(HubError):
    code = ProblemCode.ENDED


class TooLarge(HubError):
    code = ProblemCode.TOO_LARGE


class UnsupportedMedia(HubError):
    code = ProblemCode.UNSUPPORTED_MEDIA


class PreconditionFailed(HubError):
    code = ProblemCode.PRECONDITION_FAILED


class Misdirected(HubError):
    code = ProblemCode.MISDIRECTED


class TooManyCommands(HubError):
    code = ProblemCode.TOO_MANY_COMMANDS


class BlastRadiusExceeded(HubError):
    code = ProblemCode.BLAST_RADIUS


class TooManyRequests(HubError):
    code = ProblemCode.TOO_MANY_REQUESTS


class DeviceOffline(HubError):
    code = ProblemCode.DEVICE_OFFLINE


class RefusedByDevice(HubError):
    code = ProblemCode.REFUSED_BY_DEVICE


class TooManySessions(HubError):
    code = ProblemCode.TOO_MANY_SESSIONS


class RelayUnavailable(HubError):
    code = ProblemCode.RELAY_UNAVAILABLE


class Overloaded(HubError):
    code = ProblemCode.OVERLOADED


class Unavailable(HubError):
    code = ProblemCode.UNAVAILABLE


class InsufficientStorage(HubError):
    code = ProblemCode.INSUFFICIENT_STORAGE


class ConfigurationError(Exception):
    """The surroundings are wrong; the message says in one line what to do."""


class Problem(Struct, frozen=True):
    status: int
    title: str
    also: tuple[int, ...] = ()
    """Further statuses that this code comes with."""

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status, *self.also)


PROBLEMS: Final[dict[ProblemCode, Problem]] = {
    ProblemCode.INVALID: Problem(400, "The request does not validate"),
    ProblemCode.BAD_SIGNATURE: Problem(400, "The signature does not count"),
    ProblemCode.UNAUTHENTICATED: Problem(401, "Not authenticated"),
    ProblemCode.BAD_ENROLLMENT_KEY: Problem(401, "The enrolment key or token is missing or wrong"),
    ProblemCode.CERTIFICATE_REVOKED: Problem(401, "The certificate has been revoked"),
    ProblemCode.CERTIFICATE_EXPIRED: Problem(401, "The certificate has expired"),
    ProblemCode.CERTIFICATE_UNKNOWN: Problem(401, "The certificate is not known"),
    ProblemCode.FORBIDDEN: Problem(403, "Not allowed"),
    ProblemCode.CERTIFICATE_REQUIRED: Problem(403, "A certificate is required here"),
    ProblemCode.REAUTHENTICATE: Problem(403, "Sign in again"),
    ProblemCode.SECOND_FACTOR: Problem(403, "Second factor"),
    ProblemCode.USE_PROVIDER: Problem(403, "Sign in by a provider"),
    ProblemCode.REENROLL_REFUSED: Problem(403, "The device cannot enrol again now"),
    ProblemCode.ENROLLMENT_TOKEN_USED: Problem(403, "The enrolment token is used up"),
    ProblemCode.ENROLLMENT_TOKEN_EXPIRED: Problem(403, "The enrolment token has expired"),
    ProblemCode.PENDING_APPROVAL: Problem(403, "An administrator has to approve the device"),
    ProblemCode.ESCALATION: Problem(403, "Escalation"),
    ProblemCode.NOT_FOUND: Problem(404, "Not found"),
    ProblemCode.CONFLICT: Problem(409, "Conflicts with the current state"),
    ProblemCode.TOO_MANY: Problem(409, "Limit reached"),
    ProblemCode.LAST_ADMINISTRATOR: Problem(409, "Last administrator"),
    ProblemCode.SHARED_ACCOUNT: Problem(409, "Shared account"),
    ProblemCode.SIGN_IN_FIRST: Problem(409, "Sign in first"),
    ProblemCode.PUBLIC_URL_MISSING: Problem(409, "Public address missing"),
    ProblemCode.MASTER_KEY_MISSING: Problem(409, "Master key missing"),
    ProblemCode.UNSUPPORTED: Problem(409, "Not possible here"),
    ProblemCode.UNTRUSTED_QUERY: Problem(409, "The query is not trusted"),
    ProblemCode.NEEDS_SIGNATURE: Problem(409, "A person has to sign it"),
    ProblemCode.QUARANTINED: Problem(409, "The device is in quarantine", also=(403, 503)),
    ProblemCode.DEVICE_OFFLINE: Problem(409, "The device is offline"),
    ProblemCode.ENDED: Problem(409, "The command has ended"),
    ProblemCode.GONE: Problem(410, "Gone"),
    ProblemCode.TOO_LARGE: Problem(413, "Too large"),
    ProblemCode.UNSUPPORTED_MEDIA: Problem(415, "Unsupported media type"),
    ProblemCode.PRECONDITION_FAILED: Problem(412, "Precondition failed"),
    ProblemCode.MISDIRECTED: Problem(421, "Misdirected"),
    ProblemCode.REFUSED_BY_DEVICE: Problem(422, "The device refuses it"),
    ProblemCode.TOO_MANY_SESSIONS: Problem(429, "Too many open sessions"),
    ProblemCode.TOO_MANY_COMMANDS: Problem(429, "Too many unfinished commands"),
    ProblemCode.BLAST_RADIUS: Problem(429, "Too many devices for a dangerous command"),
    ProblemCode.TOO_MANY_REQUESTS: Problem(429, "Too many requests"),
    ProblemCode.OVERLOADED: Problem(503, "Overloaded, try again"),
    ProblemCode.RELAY_UNAVAILABLE: Problem(503, "No relay between replicas"),
    ProblemCode.UNAVAILABLE: Problem(503, "Temporarily unavailable"),
    ProblemCode.INSUFFICIENT_STORAGE: Problem(507, "Insufficient storage"),
}
