"""What a device shows, and what is found of it before anything is locked."""

from typing import Final, NamedTuple

from msgspec import Struct, structs

from hub.accounts.service import AccountService
from hub.accounts.tokens import OTHERS_TOKEN, hash_secret
from hub.base.addresses import block_of
from hub.base.errors import BadEnrollmentKey, CertificateUnknown, HubError, Unauthenticated
from hub.base.principal import Principal, Reenroll, is_same_device
from hub.certificates.judging import CertificateVerdict
from hub.certificates.reading import ShownCertificate
from hub.certificates.service import CertificateService
from hub.enrollment.admission import Admission
from hub.enrollment.deciding import OwnCertificate, key_fits, proof_of_key
from hub.enrollment.outcome import BAD_KEY
from hub.enrollment.records import EnrollmentToken
from hub.enrollment.store import EnrollmentStore
from hub.enrollment.tokens import EnrollmentTokens
from protocol.ids import DeviceId, OrgId


class Credentials(Struct, frozen=True, kw_only=True):
    """What a device shows. None of it may be said to anybody."""

    key: str | None = None
    token: str | None = None
    """Its own."""
    enrollment_token: str | None = None
    request_secret: str | None = None
    certificate: bytes | None = None
    """DER of its own, which it has shown by TLS."""


class Certified(NamedTuple):
    """A device that shows a certificate of ours."""

    certificate: ShownCertificate
    by: Principal
    standing: OwnCertificate
    refusal: HubError | None


_STANDINGS: Final[dict[CertificateVerdict, OwnCertificate]] = {
    CertificateVerdict.GOOD: "good",
    CertificateVerdict.UNKNOWN: "lost",
}


class DeviceClaim(Struct, frozen=True, kw_only=True):
    """What was found of what a device shows, before anything is locked."""

    device_id: DeviceId
    by: Principal
    """Whose `org` is the one that the device belongs to."""
    version: int | None
    certified: "Certified | None"
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


class Claiming:
    def __init__(
        self,
        store: EnrollmentStore,
        accounts: AccountService,
        tokens: EnrollmentTokens,
        certificates: CertificateService,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._tokens = tokens
        self._certificates = certificates

    async def claim(
        self,
        by: Principal,
        device_id: DeviceId,
        shown: Credentials,
        admission: Admission,
        csr_key: bytes | None,
    ) -> DeviceClaim:
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
        claim = DeviceClaim(
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

    async def _certified(self, der: bytes | None) -> Certified | None:
        """Whose certificate it is, good or not."""
        if der is None:
            return None
        try:
            found = await self._certificates.shown(der)
        except CertificateUnknown:
            return None
        standing = _STANDINGS.get(found.verdict, "ended")
        return Certified(found.certificate, found.by, standing, found.refusal)

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


def _known(
    device_id: DeviceId, by_token: Principal | None, certified: Certified | None
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
