"""`/ca`, `/certificates`, and the list of what has ended."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from hub.base.errors import HubError, NotFound
from hub.base.paging import Items
from hub.certificates.authority import CertificateAuthority
from hub.certificates.making import list_as_pem
from hub.certificates.records import CertificateRow, CertificateStatus
from hub.certificates.service import NO_CERTIFICATE, CertificateService
from hub.web import envelope
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.ids import DeviceId

PEM: Final = "application/x-pem-file"
CRL_PATH: Final = "/.well-known/longline.crl"
_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,64}")


class CertificatesQuery(ListQuery, frozen=True, kw_only=True):
    device_id: Text | None = None
    expires_before: Moment | None = None
    status: CertificateStatus | None = None


class RevocationBody(Body, frozen=True):
    reason: Annotated[str, Meta(min_length=1, max_length=256)]


class CertificateItem(Struct, frozen=True, rename="camel", kw_only=True):
    serial: str
    """Hex without colons."""
    device_id: DeviceId
    fingerprint: str
    """SHA-256 of the DER, in hex."""
    status: CertificateStatus
    issued_at: str
    expires_at: str
    first_used_at: str | None
    """When the first line was opened with it."""
    good_until: str | None
    """Until when it counts beside a later one of its device that is in use."""
    ended_at: str | None
    reason: str | None


class CertificateEndpoints:
    def __init__(self, service: CertificateService, authority: CertificateAuthority) -> None:
        self._service = service
        self._authority = authority

    async def authority(self, _: Call[None, None]) -> Response:
        self._authority.require()
        return Response(self._authority.bundle, media_type=PEM)

    async def list(self, call: Call[CertificatesQuery, None]) -> Items[CertificateItem]:
        query = call.query
        page = await self._service.list(
            call.principal,
            device_id=query.device_id,
            expires_before=query.expires_before,
            status=query.status,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Items([_item(row) for row in page.items], page.next)

    async def revoke(self, call: Call[None, RevocationBody]) -> None:
        serial = call.path("serial")
        if not _SERIAL.fullmatch(serial):
            raise NotFound(NO_CERTIFICATE)
        await self._service.revoke(call.principal, serial.lower(), call.body.reason)

    async def revocation_list(self, request: Request) -> Response:
        """Outside of the table: for proxies, which want it as it is. `?ca=` names another authority
        than the one that signs; `?format=pem` gives the lists of all."""
        query = request.query_params
        try:
            if query.get("format") == "pem":
                made = await self._authority.revocation_lists()
                return Response("".join(map(list_as_pem, made)), media_type=PEM)
            der = await self._authority.revocation_list(query.get("ca"))
        except HubError as error:
            return envelope.problem(error)
        return Response(der, media_type="application/pkix-crl")


def _item(row: CertificateRow) -> CertificateItem:
    return CertificateItem(
        serial=row.serial,
        device_id=row.device_id,
        fingerprint=row.fingerprint,
        status=row.status,
        issued_at=rfc3339(row.issued_at),
        expires_at=rfc3339(row.expires_at),
        first_used_at=at(row.first_used),
        good_until=at(row.good_until),
        ended_at=at(row.ended_at),
        reason=row.reason,
    )
