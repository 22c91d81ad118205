"""`/devices/{id}/token`, `/enrollment-tokens`, `/enrollment-requests`, and what a person says to a
device that waits."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from hub.base.errors import Invalid, invalid
from hub.base.paging import Items
from hub.certificates.reading import NotUsable, key_of_request
from hub.devices.labels import Labels, Tags, tagged, tags_of
from hub.enrollment.admission import Admission
from hub.enrollment.claiming import Credentials
from hub.enrollment.inbox import EnrollmentInbox
from hub.enrollment.records import EnrollmentRequest, EnrollmentToken, Identity
from hub.enrollment.service import EnrollmentService
from hub.enrollment.tokens import EnrollmentTokens
from hub.socket.client_certificate import NAME as CLIENT_CERT
from hub.socket.client_certificate import certificate_of
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Query, Text
from hub.web.limits import RequestLimits
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.ids import DEVICE_ID_RULE, DeviceId, is_device_id

GroupIds = Annotated[list[Text], Meta(max_length=64)]
Fingerprint = Annotated[str, Meta(pattern=r"^(?i:[0-9a-f]{2}:){7}(?i:[0-9a-f]{2})$(?!\n)")]
"""Eight pairs of hex digits, with colons between them."""


class TokenQuery(Query, frozen=True, kw_only=True):
    name: Text | None = None
    company_id: Text | None = None
    production_line_id: Text | None = None
    version: Text | None = None


class DeviceToken(Struct, frozen=True, rename="camel"):
    device_id: DeviceId
    token: str
    expires_at: str


class CertificateBody(Body, frozen=True):
    csr: Annotated[str, Meta(max_length=8192)]
    """A certificate request (PKCS #10) in PEM; only its public key counts."""


class DeviceCertificate(Struct, frozen=True, rename="camel"):
    """Text is PEM."""

    certificate: str
    chain: str
    """Of the authority that signed it, of those above, and of those that are trusted beside it."""
    serial: str
    expires_at: str


class EnrollmentTokenBody(Body, frozen=True):
    name: Text
    max_uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = 1
    """Devices that it lets in; null: as many as there are."""
    expires_at: Moment | None = None
    """None: never."""
    group_ids: GroupIds = field(default_factory=list)
    labels: Labels = field(default_factory=dict[str, str])
    tags: Tags = field(default_factory=list)
    approval: bool = False
    """Whether a person has to approve each device."""


class EnrollmentTokenItem(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    id: str
    name: str
    max_uses: int | None
    uses: int
    expires_at: str | None
    group_ids: list[str]
    labels: dict[str, str]
    tags: list[str]
    approval: bool
    made_by: str
    created_at: str
    disabled: bool
    """Whoever made it may not make it any more: it lets nobody in until it is taken over."""
    token: str | None = None
    """In the answer to its creation only."""


class EnrollmentRequestItem(Struct, frozen=True, rename="camel", kw_only=True):
    device_id: DeviceId
    fingerprint: str
    address: str | None
    requested_at: str
    enrollment_token: str | None
    """The id of the token that was shown; null for a device whose own token this hub does not
    know."""


class ApprovalBody(Body, frozen=True):
    fingerprint: Fingerprint
    group_ids: GroupIds = field(default_factory=list)
    tags: Tags = field(default_factory=list)


class RejectionBody(Body, frozen=True):
    fingerprint: Fingerprint


class Reopened(Struct, frozen=True):
    until: str


class EnrollmentEndpoints:
    def __init__(
        self,
        service: EnrollmentService,
        tokens: EnrollmentTokens,
        inbox: EnrollmentInbox,
        limits: RequestLimits,
    ) -> None:
        self._service = service
        self._tokens = tokens
        self._inbox = inbox
        self._limits = limits

    async def token(self, call: Call[TokenQuery, None]) -> DeviceToken:
        device_id, admission = self._comes(call, call.path("id"))
        token, expires_at = await self._service.enroll(
            call.principal, device_id, _who(call.query), _shown(call), admission
        )
        return DeviceToken(device_id, token, expires_at)

    async def certificate(self, call: Call[TokenQuery, CertificateBody]) -> DeviceCertificate:
        return await self.certify(call, call.path("id"), call.body.csr)

    async def certify(self, call: Call[TokenQuery, Any], name: str, csr: str) -> DeviceCertificate:
        """`name`, `csr`: as the device gave them, wherever they stood in its call."""
        device_id, admission = self._comes(call, name)
        try:
            key = key_of_request(csr)
        except NotUsable as error:
            admission.of_nobody()
            raise invalid("csr", str(error)) from None
        made = await self._service.certify(
            call.principal, device_id, _who(call.query), _shown(call), admission, key
        )
        return DeviceCertificate(
            made.certificate, made.chain, made.serial, rfc3339(made.expires_at)
        )

    def _comes(self, call: Call[TokenQuery, Any], name: str) -> tuple[DeviceId, Admission]:
        admission = Admission(self._limits, call.request.scope, call.principal.address)
        try:
            return _id_of(name), admission
        except Invalid:
            admission.of_nobody()
            raise

    async def tokens(self, call: Call[ListQuery, None]) -> Items[EnrollmentTokenItem]:
        page = await self._tokens.list(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([await self._item(row) for row in page.items], page.next)

    async def create(self, call: Call[None, EnrollmentTokenBody]) -> Answer:
        body = call.body
        made, token = await self._tokens.create(
            call.principal,
            body.name,
            max_uses=body.max_uses,
            expires_at=body.expires_at,
            group_ids=body.group_ids,
            labels=tagged(body.labels, [*body.tags, *tags_of(body.labels)]),
            approval=body.approval,
        )
        return Answer(await self._item(made, token), status=201)

    async def take_over(self, call: Call[None, None]) -> EnrollmentTokenItem:
        return await self._item(await self._tokens.take_over(call.principal, call.path("id")))

    async def delete(self, call: Call[None, None]) -> None:
        await self._tokens.delete(call.principal, call.path("id"))

    async def requests(self, call: Call[ListQuery, None]) -> Items[EnrollmentRequestItem]:
        page = await self._inbox.list(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_request(row) for row in page.items], page.next)

    async def approve(self, call: Call[None, ApprovalBody]) -> None:
        await self._inbox.approve(
            call.principal,
            _id_of(call.path("id")),
            call.body.fingerprint,
            group_ids=call.body.group_ids,
            tags=call.body.tags,
        )

    async def reject(self, call: Call[None, RejectionBody]) -> None:
        await self._inbox.reject(call.principal, _id_of(call.path("id")), call.body.fingerprint)

    async def allow_reenroll(self, call: Call[None, None]) -> Reopened:
        until = await self._inbox.allow_reenroll(call.principal, _id_of(call.path("id")))
        return Reopened(rfc3339(until))

    async def _item(self, row: EnrollmentToken, token: str | None = None) -> EnrollmentTokenItem:
        return EnrollmentTokenItem(
            id=row.token_id,
            name=row.name,
            max_uses=row.max_uses,
            uses=row.uses,
            expires_at=at(row.expires_at),
            group_ids=list(row.group_ids),
            labels=dict(row.labels),
            tags=tags_of(row.labels),
            approval=row.approval,
            made_by=row.maker.name,
            created_at=rfc3339(row.created_at),
            disabled=not await self._tokens.may_admit(row),
            token=token,
        )


def _who(query: TokenQuery) -> Identity:
    return Identity(
        name=query.name,
        company_id=query.company_id,
        production_line_id=query.production_line_id,
        version=query.version,
    )


def _shown(call: Call[TokenQuery, Any]) -> Credentials:
    scheme, _, token = (call.header("authorization") or "").partition(" ")
    return Credentials(
        key=call.header("x-enrollment-key"),
        token=token if scheme.lower() == "bearer" else None,
        enrollment_token=call.header("x-enrollment-token") or call.header("x-register-token"),
        request_secret=call.header("x-enrollment-request"),
        certificate=certificate_of(call.header(CLIENT_CERT)),
    )


def _id_of(device_id: str) -> DeviceId:
    """Raises `Invalid`."""
    if not is_device_id(device_id):
        raise invalid("id", DEVICE_ID_RULE)
    return DeviceId(device_id)


def _request(row: EnrollmentRequest) -> EnrollmentRequestItem:
    return EnrollmentRequestItem(
        device_id=row.device_id,
        fingerprint=row.fingerprint,
        address=row.address,
        requested_at=rfc3339(row.requested_at),
        enrollment_token=row.token_id,
    )
