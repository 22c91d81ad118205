"""What comes of what a device shows: what it hears, what it is given, what the audit says. Pure."""

from typing import Final

from msgspec import Struct, structs

from hub.audit.entries import AuditEntry, audit_entry
from hub.base.errors import (
    BadEnrollmentKey,
    EnrollmentTokenExpired,
    EnrollmentTokenUsed,
    Forbidden,
    HubError,
    PendingApproval,
    QuarantinedEnrollment,
    ReenrollRefused,
)
from hub.base.principal import Principal
from hub.enrollment.deciding import LATELY_SECONDS, EnrollmentVerdict, KnownDevice
from hub.enrollment.records import EnrollmentRequest, EnrollmentToken
from protocol.ids import DeviceId

BAD_KEY: Final = "send the enrolment key in X-Enrollment-Key, or a token in X-Enrollment-Token"
ASK_AGAIN_SECONDS: Final = 30
"""After which a device that waits for a person asks again."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What was found under the locks, and what is decided."""

    verdict: EnrollmentVerdict
    standing: KnownDevice | None = None
    request: EnrollmentRequest | None = None
    """Whose secret was shown."""
    token: EnrollmentToken | None = None
    """The enrolment token that was shown, or with which an approved request was made."""
    is_same_use: bool = False

    @property
    def replaces(self) -> bool:
        """Whether it ends tokens that were good."""
        standing = self.standing
        return (
            self.verdict is EnrollmentVerdict.ENROLL and standing is not None and standing.replaces
        )

    @property
    def is_first(self) -> bool:
        """Whether the device gets a token that never had one."""
        return self.standing is None or self.standing.highest == 0

    @property
    def labels(self) -> dict[str, str]:
        """Of a device that comes in for the first time; what an administrator gave it stays."""
        labels = {} if self.token is None else dict(self.token.labels)
        tags = () if self.request is None else self.request.tags
        return {**dict.fromkeys(tags, ""), **labels}

    @property
    def groups(self) -> list[str]:
        """The same."""
        groups: list[str] = []
        if self.token is not None:
            groups += self.token.group_ids
        if self.request is not None:
            groups += self.request.group_ids
        return list(dict.fromkeys(groups))

    @property
    def uses(self) -> EnrollmentToken | None:
        """The token of which this is a use: the same device within minutes is not one more, and an
        approved request was one when it was made."""
        approved = self.request is not None and self.request.status == "approved"
        return None if approved or self.is_same_use else self.token


def refusal_of(outcome: Outcome, device_id: DeviceId) -> HubError | None:
    """What a refusal is to the caller."""
    verdict = outcome.verdict
    match verdict:
        case EnrollmentVerdict.BAD_KEY:
            return BadEnrollmentKey(BAD_KEY)
        case EnrollmentVerdict.TOKEN_USED:
            return EnrollmentTokenUsed(verdict.value)
        case EnrollmentVerdict.TOKEN_EXPIRED:
            return EnrollmentTokenExpired(verdict.value)
        case EnrollmentVerdict.WAIT:
            fingerprint = "" if outcome.request is None else outcome.request.fingerprint
            return pending(device_id, fingerprint)
        case (
            EnrollmentVerdict.UNKNOWN
            | EnrollmentVerdict.BLOCKED
            | EnrollmentVerdict.REJECTED
            | EnrollmentVerdict.TOKEN_DISABLED
        ):
            return Forbidden(f"{device_id} gets no token: {verdict.value}")
        case EnrollmentVerdict.QUARANTINED:
            return QuarantinedEnrollment(
                f"{device_id} gets no token for what it shows: {verdict.value}",
                retry_after=int(LATELY_SECONDS),
            )
        case EnrollmentVerdict.AT_WORK | EnrollmentVerdict.NEVER:
            return ReenrollRefused(
                f"{device_id} gets no token for what it shows: {verdict.value}",
                retry_after=int(LATELY_SECONDS),
            )
        case _:
            return None


def pending(device_id: DeviceId, fingerprint: str, **members: str) -> PendingApproval:
    return PendingApproval(
        f"{device_id} waits for an administrator, who compares the fingerprint {fingerprint}",
        retry_after=ASK_AGAIN_SECONDS,
        members={"fingerprint": fingerprint, **members},
    )


def enrolled(
    by: Principal, device_id: DeviceId, outcome: Outcome, serial: str | None
) -> AuditEntry:
    """`serial`: of the certificate that it got; None for a token."""
    device = structs.replace(by, kind="device", subject=device_id, actor=device_id)
    if outcome.verdict is EnrollmentVerdict.REGISTER:
        action = "device.enroll"
    else:
        further = "device.token" if serial is None else "device.certificate"
        action = "device.reenroll" if outcome.replaces else further
    detail: dict[str, object] = {} if serial is None else {"serial": serial}
    if outcome.token is not None:
        detail["enrollmentToken"] = outcome.token.token_id
    if outcome.request is not None:
        detail["fingerprint"] = outcome.request.fingerprint
    return structs.replace(audit_entry(device, action, device_id), detail=detail)
