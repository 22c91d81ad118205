"""Enrolment: a device comes for a token, with what it has: a key, an enrolment token, a request
that a person has approved, or the token that it got before."""

import structlog
from msgspec import Struct, structs

from hub.accounts.service import AccountService
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.service import AuditService
from hub.base.addresses import block_of
from hub.base.database import Connection
from hub.base.errors import (
    BadEnrollmentKey,
    HubError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from hub.base.principal import Principal, Reenroll
from hub.base.visible import require_visible
from hub.devices.service import DeviceService
from hub.enrollment.admission import Admission
from hub.enrollment.alerts import EnrollmentAlerts
from hub.enrollment.deciding import (
    EnrollmentVerdict,
    Shown,
    ShownToken,
    decide,
    fingerprint_of,
    key_fits,
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


class _Claim(Struct, frozen=True, kw_only=True):
    """What was found of what a device shows, before anything is locked."""

    device_id: DeviceId
    by: Principal
    """Whose `org` is the one that the device belongs to."""
    version: int | None
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
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._alerts = alerts
        self._devices = devices
        self._groups = groups
        self._tokens = tokens

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
        `QuarantinedEnrollment` or `TooManyRequests`."""
        if who.name is not None:
            require_visible(who.name, "name")
        claim = await self._claim(by, device_id, shown, admission)
        admission.device(claim.org, device_id)
        async with self._store.database.transaction() as connection:
            outcome = await self._look(connection, claim)
            self._require(outcome, claim, admission)
            if outcome.verdict is EnrollmentVerdict.ASK:
                granted = await self._ask(connection, claim, outcome)
            else:
                granted = await self._grant(connection, claim, outcome, who)
        if isinstance(granted, HubError):
            raise granted
        await self._announce(claim, outcome)
        return granted

    async def _claim(
        self, by: Principal, device_id: DeviceId, shown: Credentials, admission: Admission
    ) -> _Claim:
        """Raises `BadEnrollmentKey` when nothing is found of what is shown."""
        known = self._known(device_id, shown.token)
        if known is None:
            admission.may_show_key()
        request = await self._request_of(device_id, shown.request_secret)
        token = await self._token_of(shown.enrollment_token)
        if known is not None:
            org = known.org
        elif request is not None:
            org = request[0]
        elif token is not None:
            org = token.org
        else:
            org = await self._accounts.enrolling_into(shown.key)
        if token is not None and token.org != org:
            token = None
        key, auto_enroll, reenroll = await self._accounts.enrollment(org)
        claim = _Claim(
            device_id=device_id,
            by=structs.replace(by, org=org),
            version=None if known is None else known.version,
            request_id=request[1] if request is not None and request[0] == org else None,
            token=token,
            is_disabled=token is not None and not await self._tokens.may_admit(token),
            key_fits=key_fits(shown.key, key),
            way_in=key if token is None else token.token_id,
            auto_enroll=auto_enroll,
            reenroll=reenroll,
        )
        if known is None and claim.request_id is None and token is None and not claim.key_fits:
            admission.wrong_key()
            raise BadEnrollmentKey(BAD_KEY)
        return claim

    def _known(self, device_id: DeviceId, token: str | None) -> Principal | None:
        """By a genuine token of this device; whether it has ended is asked under the lock."""
        if token is None:
            return None
        try:
            principal = self._accounts.signed_device(token)
        except Unauthenticated:
            return None
        return principal if principal.subject == device_id else None

    async def _request_of(
        self, device_id: DeviceId, secret: str | None
    ) -> tuple[OrgId, str] | None:
        if not secret:
            return None
        return await self._store.of_request(device_id, hash_secret(secret))

    async def _token_of(self, token: str | None) -> EnrollmentToken | None:
        return await self._store.of_token(hash_secret(token)) if token else None

    async def _look(self, connection: Connection, claim: _Claim) -> Outcome:
        """At the device, then at what it shows, each under its lock."""
        store, org, device_id = self._store, claim.org, claim.device_id
        standing = await store.lock_standing(connection, org, device_id)
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
        fingerprint = fingerprint_of(secret.encode())
        made = await self._store.ask(
            connection,
            claim.org,
            uuid7(),
            claim.device_id,
            proof=hash_secret(secret),
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
        return pending(claim.device_id, fingerprint, requestSecret=secret)

    async def _grant(
        self, connection: Connection, claim: _Claim, outcome: Outcome, who: Identity
    ) -> tuple[str, str]:
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
        await self._audit.record(connection, enrolled(claim.by, device_id, outcome))
        return self._accounts.device_token(org, device_id, version)

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


def _shown(shows: Shows, *, is_disabled: bool) -> ShownToken:
    return ShownToken(
        approval=shows.token.approval,
        max_uses=shows.token.max_uses,
        uses=shows.token.uses,
        is_same_use=shows.is_same_use,
        is_expired=shows.is_expired,
        is_disabled=is_disabled,
    )
