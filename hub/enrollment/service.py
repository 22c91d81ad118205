"""Enrolment: a device comes for a token or a certificate, with what it has: a key, an enrolment
token, a request that a person has approved, or what it got before."""

from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

import structlog
from msgspec import Struct, structs

from hub.accounts.service import AccountService
from hub.accounts.tokens import OTHERS_TOKEN, hash_secret, new_secret
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.database import Connection
from hub.base.errors import (
    BadEnrollmentKey,
    CertificateUnknown,
    HubError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from hub.base.principal import Principal, Reenroll, is_same_device
from hub.base.visible import require_visible
from hub.certificates.authority import CertificateAuthority
from hub.certificates.judging import CertificateVerdict
from hub.certificates.making import DeviceKey
from hub.certificates.reading import ShownCertificate, key_bytes
from hub.certificates.records import Issued
from hub.certificates.service import CertificateService
from hub.devices.service import DeviceService
from hub.enrollment.admission import Admission
from hub.enrollment.alerts import EnrollmentAlerts
from hub.enrollment.deciding import (
    EnrollmentVerdict,
    OwnCertificate,
    Shown,
    ShownToken,
    decide,
    fingerprint_of,
    key_fits,
    proof_of_key,
)
from hub.enrollment.outcome import (
    ASK_AGAIN_SECONDS,
    BAD_KEY,
    Outcome,
    enrolled,
    pending,
    refusal_of,
)
from hub.enrollment.records import EnrollmentToken, Identity
from hub.enrollment.store import EnrollmentStore, Shows
from hub.enrollment.tokens import EnrollmentTokens
from hub.groups.service import GroupService
from protocol.ids import DeviceId, OrgId, uuid7

log = structlog.get_logger(__name__)


class Credentials(Struct, frozen=True, kw_only=True):
    """What a device shows. None of it may be said to anybody."""

    key: str | None = None
    token: str | None = None
    """Its own."""
    enrollment_token: str | None = None
    request_secret: str | None = None
    certificate: bytes | None = None
    """DER of its own, which it has shown by TLS."""


class _Claim(Struct, frozen=True, kw_only=True):
    """What was found of what a device shows, before anything is locked."""

    device_id: DeviceId
    by: Principal
    """Whose `org` is the one that the device belongs to."""
    version: int | None
    certified: "_Certified | None"
    csr_key: bytes | None
    """The public key that wants a certificate, in DER."""
    request_id: str | None
    token: EnrollmentToken | None
    is_disabled: bool
    """The enrolment token."""
    key_fits: bool
    way_in: str
    """Devices that come by the same one are counted together."""
    auto_enroll: bool
    reenroll: Reenroll

    @property
    def org(self) -> OrgId:
        return self.by.org

    @property
    def block(self) -> str:
        return block_of(self.by.address or "")


T = TypeVar("T")


class _Given(NamedTuple, Generic[T]):
    credential: T
    serial: str | None
    """Of a certificate."""


_Giver = Callable[[Connection, _Claim, int], Awaitable[_Given[T]]]
"""Makes the credential, given the version that a token would have."""


class _Certified(NamedTuple):
    """A device that shows a certificate of ours."""

    certificate: ShownCertificate
    by: Principal
    standing: OwnCertificate
    refusal: HubError | None


_STANDINGS: Final[dict[CertificateVerdict, OwnCertificate]] = {
    CertificateVerdict.GOOD: "good",
    CertificateVerdict.UNKNOWN: "lost",
}


class EnrollmentService:
    def __init__(
        self,
        store: EnrollmentStore,
        accounts: AccountService,
        audit: AuditService,
        alerts: EnrollmentAlerts,
        devices: DeviceService,
        groups: GroupService,
        tokens: EnrollmentTokens,
        certificates: CertificateService,
        authority: CertificateAuthority,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._alerts = alerts
        self._devices = devices
        self._groups = groups
        self._tokens = tokens
        self._certificates = certificates
        self._authority = authority

    async def enroll(
        self,
        by: Principal,
        device_id: DeviceId,
        who: Identity,
        shown: Credentials,
        admission: Admission,
    ) -> tuple[str, str]:
        """(token, expiresAt). Only the call that makes the device may name it, its company and its
        line: later only people do. Raises `BadEnrollmentKey`, `EnrollmentTokenUsed`,
        `EnrollmentTokenExpired`, `PendingApproval`, `Forbidden`, `ReenrollRefused`,
        `QuarantinedEnrollment`, `TooManyRequests`, and what a bad certificate raises."""

        async def give(_: Connection, claim: _Claim, version: int) -> _Given[tuple[str, str]]:
            return _Given(self._accounts.device_token(claim.org, claim.device_id, version), None)

        return await self._enter(by, device_id, who, shown, admission, give)

    async def certify(
        self,
        by: Principal,
        device_id: DeviceId,
        who: Identity,
        shown: Credentials,
        admission: Admission,
        key: DeviceKey,
    ) -> Issued:
        """A certificate for this public key. Raises as `enroll`, and `MasterKeyMissing` or
        `Overloaded`."""
        self._authority.require()

        async def give(connection: Connection, claim: _Claim, _: int) -> _Given[Issued]:
            made = await self._authority.issue(connection, claim.org, claim.device_id, key)
            return _Given(made, made.serial)

        return await self._enter(by, device_id, who, shown, admission, give, key_bytes(key))

    async def _enter(
        self,
        by: Principal,
        device_id: DeviceId,
        who: Identity,
        shown: Credentials,
        admission: Admission,
        give: _Giver[T],
        csr_key: bytes | None = None,
    ) -> T:
        if who.name is not None:
            require_visible(who.name, "name")
        claim = await self._claim(by, device_id, shown, admission, csr_key)
        admission.device(claim.org, device_id)
        async with self._store.database.transaction() as connection:
            outcome = await self._look(connection, claim)
            self._require(outcome, claim, admission)
            if outcome.verdict is EnrollmentVerdict.ASK:
                granted = await self._ask(connection, claim, outcome)
            else:
                granted = await self._grant(connection, claim, outcome, who, give)
        if isinstance(granted, HubError):
            raise granted
        await self._announce(claim, outcome)
        return granted

    async def _claim(
        self,
        by: Principal,
        device_id: DeviceId,
        shown: Credentials,
        admission: Admission,
        csr_key: bytes | None,
    ) -> _Claim:
        """Raises `BadEnrollmentKey` when nothing is found of what is shown, `Unauthenticated` for a
        certificate and a token of different devices."""
        by_token, certified = self._by_token(shown.token), await self._certified(shown.certificate)
        known = _known(device_id, by_token, certified)
        if known is None:
            certified = None
            admission.may_show_key()
        request = await self._request_of(device_id, shown.request_secret, csr_key)
        token = await self._token_of(shown.enrollment_token)
        org = _org_of(known, request, token) or await self._accounts.enrolling_into(shown.key)
        if token is not None and token.org != org:
            token = None
        key, auto_enroll, reenroll = await self._accounts.enrollment(org)
        claim = _Claim(
            device_id=device_id,
            by=structs.replace(by, org=org),
            version=None if by_token is None or known is None else by_token.version,
            certified=certified,
            csr_key=csr_key,
            request_id=request[1] if request is not None and request[0] == org else None,
            token=token,
            is_disabled=token is not None and not await self._tokens.may_admit(token),
            key_fits=key_fits(shown.key, key),
            way_in=key if token is None else token.token_id,
            auto_enroll=auto_enroll,
            reenroll=reenroll,
        )
        has_other = claim.request_id is not None or token is not None or claim.key_fits
        if known is None and not has_other:
            admission.wrong_key()
            raise BadEnrollmentKey(BAD_KEY)
        if certified is not None and certified.refusal is not None and not has_other:
            raise certified.refusal
        return claim

    async def _certified(self, der: bytes | None) -> _Certified | None:
        """Whose certificate it is, good or not."""
        if der is None:
            return None
        try:
            found = await self._certificates.shown(der)
        except CertificateUnknown:
            return None
        standing = _STANDINGS.get(found.verdict, "ended")
        return _Certified(found.certificate, found.by, standing, found.refusal)

    def _by_token(self, token: str | None) -> Principal | None:
        """Whose token it is, where it is genuine; whether it has ended is asked under the lock."""
        if token is None:
            return None
        try:
            return self._accounts.signed_device(token)
        except Unauthenticated:
            return None

    async def _request_of(
        self, device_id: DeviceId, secret: str | None, csr_key: bytes | None
    ) -> tuple[OrgId, str] | None:
        """By the key that wants a certificate, else by the secret: who has seen an answer has not
        the key."""
        if csr_key is not None:
            return await self._store.of_request(device_id, proof_of_key(csr_key))
        return await self._store.of_request(device_id, hash_secret(secret)) if secret else None

    async def _token_of(self, token: str | None) -> EnrollmentToken | None:
        return await self._store.of_token(hash_secret(token)) if token else None

    async def _look(self, connection: Connection, claim: _Claim) -> Outcome:
        """At the device, then at what it shows, each under its lock."""
        store, org, device_id = self._store, claim.org, claim.device_id
        standing = await store.lock_standing(connection, org, device_id)
        certified = claim.certified
        if certified is not None and certified.standing == "good":
            await self._certificates.require_good(connection, certified.certificate)
        request = shows = None
        if claim.request_id is not None:
            request = await store.lock_request(connection, org, claim.request_id)
        token_id = None if claim.token is None else claim.token.token_id
        if request is not None and request.status == "approved":
            token_id = request.token_id  # a device that waited need not show it again
        if token_id is not None:
            shows = await store.lock_token(connection, org, token_id, device_id, claim.block)
        shown = Shown(
            version=claim.version,
            certificate=None if certified is None else certified.standing,
            request=None if request is None else request.status,
            token=None if shows is None else _shown(shows, is_disabled=claim.is_disabled),
            key_fits=claim.key_fits,
        )
        return Outcome(
            verdict=decide(standing, shown, auto_enroll=claim.auto_enroll, reenroll=claim.reenroll),
            standing=standing,
            request=request,
            token=None if shows is None else shows.token,
            is_same_use=shows is not None and shows.is_same_use,
        )

    def _require(self, outcome: Outcome, claim: _Claim, admission: Admission) -> None:
        """Raises what a refusal is to the caller."""
        if outcome.verdict is EnrollmentVerdict.BAD_KEY:
            admission.wrong_key()
        refusal = refusal_of(outcome, claim.device_id)
        if refusal is not None:
            raise refusal
        if outcome.verdict in (EnrollmentVerdict.REGISTER, EnrollmentVerdict.ASK):
            try:
                admission.new_device(claim.way_in)
            except TooManyRequests:
                self._alerts.rate(claim.org, claim.device_id, admission.address)
                raise

    async def _ask(self, connection: Connection, claim: _Claim, outcome: Outcome) -> HubError:
        """A new enrolment request; what its device hears."""
        secret = new_secret()
        by_key = claim.csr_key is not None
        fingerprint = fingerprint_of(claim.csr_key or secret.encode())
        made = await self._store.ask(
            connection,
            claim.org,
            uuid7(),
            claim.device_id,
            proof=proof_of_key(claim.csr_key) if claim.csr_key else hash_secret(secret),
            fingerprint=fingerprint,
            address=claim.by.address,
            token_id=None if claim.token is None else claim.token.token_id,
        )
        if not made:
            return TooManyRequests(
                f"as many requests for {claim.device_id} wait as may: ask again later",
                retry_after=ASK_AGAIN_SECONDS,
            )
        await self._count_use(connection, claim, outcome)
        log.info("enrollment_requested", device_id=claim.device_id, fingerprint=fingerprint)
        once = {} if by_key else {"requestSecret": secret}
        return pending(claim.device_id, fingerprint, **once)

    async def _grant(
        self,
        connection: Connection,
        claim: _Claim,
        outcome: Outcome,
        who: Identity,
        give: _Giver[T],
    ) -> T:
        org, device_id, verdict = claim.org, claim.device_id, outcome.verdict
        if verdict is EnrollmentVerdict.REGISTER:
            if not await self._store.register(connection, org, device_id, who):
                raise Unavailable("another request registers the same device", retry_after=1)
            await self._devices.add_companions(connection, org, device_id)
        renews = verdict is EnrollmentVerdict.RENEW
        if not renews:
            await self._admit(connection, claim, outcome)
        version = await self._store.next_version(
            connection, org, device_id, who.version, only=not renews
        )
        given = await give(connection, claim, version)
        await self._audit.record(connection, enrolled(claim.by, device_id, outcome, given.serial))
        return given.credential

    async def _admit(self, connection: Connection, claim: _Claim, outcome: Outcome) -> None:
        """It comes in by what it shows: that is counted, and gives what it gives."""
        await self._count_use(connection, claim, outcome)
        if outcome.request is not None:
            await self._store.grant(connection, claim.org, outcome.request.request_id)
        if outcome.is_first:
            if outcome.labels:
                await self._devices.add_labels(
                    connection, claim.org, claim.device_id, outcome.labels
                )
            for group_id in outcome.groups:
                await self._groups.admit(connection, claim.org, group_id, claim.device_id)

    async def _count_use(self, connection: Connection, claim: _Claim, outcome: Outcome) -> None:
        token = outcome.uses
        if token is not None:
            await self._store.count_use(
                connection, token.org, token.token_id, claim.device_id, claim.block
            )

    async def _announce(self, claim: _Claim, outcome: Outcome) -> None:
        if outcome.verdict is not EnrollmentVerdict.RENEW and outcome.is_first:
            for group_id in outcome.groups:
                self._groups.changed(claim.org, group_id)
        if outcome.replaces:
            await self._accounts.refresh()
            self._alerts.reenrolled(claim.org, claim.device_id)


def _known(
    device_id: DeviceId, by_token: Principal | None, certified: _Certified | None
) -> Principal | None:
    """Who the device is by its own credentials, good or not. Raises `Unauthenticated` when they are
    of different devices."""
    if by_token and certified and not is_same_device(by_token, certified.by):
        raise Unauthenticated(OTHERS_TOKEN)
    own = by_token if certified is None else certified.by
    return own if own is not None and own.subject == device_id else None


def _org_of(
    known: Principal | None, request: tuple[OrgId, str] | None, token: EnrollmentToken | None
) -> OrgId | None:
    """What the device is known by comes first."""
    if known is not None:
        return known.org
    if request is not None:
        return request[0]
    return None if token is None else token.org


def _shown(shows: Shows, *, is_disabled: bool) -> ShownToken:
    return ShownToken(
        approval=shows.token.approval,
        max_uses=shows.token.max_uses,
        uses=shows.token.uses,
        is_same_use=shows.is_same_use,
        is_expired=shows.is_expired,
        is_disabled=is_disabled,
    )
