"""Enrolment: a device comes for a token or a certificate, with what it has: a key, an enrolment
token, a request that a person has approved, or what it got before."""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

import structlog

from hub.accounts.service import AccountService
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    HubError,
    TooManyRequests,
    Unavailable,
)
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.certificates.authority import CertificateAuthority
from hub.certificates.making import DeviceKey
from hub.certificates.reading import key_bytes
from hub.certificates.records import Issued
from hub.certificates.service import CertificateService
from hub.devices.service import DeviceService
from hub.enrollment.admission import Admission
from hub.enrollment.alerts import EnrollmentAlerts
from hub.enrollment.claiming import Claiming, Credentials, DeviceClaim
from hub.enrollment.deciding import (
    EnrollmentVerdict,
    Shown,
    ShownToken,
    decide,
    fingerprint_of,
    proof_of_key,
)
from hub.enrollment.outcome import (
    ASK_AGAIN_SECONDS,
    Outcome,
    enrolled,
    pending,
    refusal_of,
)
from hub.enrollment.records import Identity
from hub.enrollment.store import EnrollmentStore, Shows
from hub.groups.service import GroupService
from protocol.ids import DeviceId, uuid7

log = structlog.get_logger(__name__)


T = TypeVar("T")


class _Given(NamedTuple, Generic[T]):
    credential: T
    serial: str | None
    """Of a certificate."""


_Giver = Callable[[Connection, DeviceClaim, int], Awaitable[_Given[T]]]
"""Makes the credential, given the version that a token would have."""


class EnrollmentService:
    def __init__(
        self,
        store: EnrollmentStore,
        accounts: AccountService,
        audit: AuditService,
        alerts: EnrollmentAlerts,
        devices: DeviceService,
        groups: GroupService,
        claiming: Claiming,
        certificates: CertificateService,
        authority: CertificateAuthority,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._alerts = alerts
        self._devices = devices
        self._groups = groups
        self._claiming = claiming
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

        async def give(_: Connection, claim: DeviceClaim, version: int) -> _Given[tuple[str, str]]:
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

        async def give(connection: Connection, claim: DeviceClaim, _: int) -> _Given[Issued]:
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
        claim = await self._claiming.claim(by, device_id, shown, admission, csr_key)
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

    async def _look(self, connection: Connection, claim: DeviceClaim) -> Outcome:
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

    def _require(self, outcome: Outcome, claim: DeviceClaim, admission: Admission) -> None:
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

    async def _ask(self, connection: Connection, claim: DeviceClaim, outcome: Outcome) -> HubError:
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
        claim: DeviceClaim,
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

    async def _admit(self, connection: Connection, claim: DeviceClaim, outcome: Outcome) -> None:
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
            await self._groups.settle(connection, claim.by, [claim.device_id])

    async def _count_use(
        self, connection: Connection, claim: DeviceClaim, outcome: Outcome
    ) -> None:
        token = outcome.uses
        if token is not None:
            await self._store.count_use(
                connection, token.org, token.token_id, claim.device_id, claim.block
            )

    async def _announce(self, claim: DeviceClaim, outcome: Outcome) -> None:
        if outcome.replaces:
            await self._accounts.refresh()
            self._alerts.reenrolled(claim.org, claim.device_id)


def _shown(shows: Shows, *, is_disabled: bool) -> ShownToken:
    return ShownToken(
        approval=shows.token.approval,
        max_uses=shows.token.max_uses,
        uses=shows.token.uses,
        is_same_use=shows.is_same_use,
        is_expired=shows.is_expired,
        is_disabled=is_disabled,
    )
