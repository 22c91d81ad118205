"""`/firmware/releases` and `/firmware/signing-keys`."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub.base.errors import PreconditionFailed, UnsupportedMedia
from hub.base.paging import Items
from hub.firmware.artifact import Asked, ByteRange, RangeVerdict, judge
from hub.firmware.service import FirmwareKeyRow, FirmwareService, NewRelease, ReleaseRow
from hub.web.envelope import Answer, problem, problem_document
from hub.web.inputs import Body, ListQuery, Query
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.commands import AGENT_TYPE, SoftwareType
from protocol.errors import ProblemCode

Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)")]


class UploadQuery(Query, frozen=True, kw_only=True):
    version: Word
    type: SoftwareType = AGENT_TYPE
    channel: Word = "stable"
    filename: Annotated[str, Meta(min_length=1, max_length=1024)] = "artifact"

    cleaned: ClassVar[frozenset[str]] = frozenset({"filename"})


class Release(Struct, frozen=True, rename="camel", kw_only=True):
    """`type` is what devices call this piece of their software; `agent` is their agent."""

    id: str
    type: str
    version: str
    channel: str
    filename: str
    size: int
    sha256: str
    signature_base64: str | None
    signed_by: str | None
    created_at: str
    created_by: str


class SignatureBody(Body, frozen=True):
    signature_base64: Annotated[str, Meta(max_length=256)]


class KeyBody(Body, frozen=True):
    """`publicKey`: the 32 bytes of an Ed25519 public key, in base64."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    public_key: Annotated[str, Meta(max_length=256)]


class SigningKey(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    public_key: str
    created_at: str
    created_by: str


class FirmwareEndpoints:
    def __init__(self, service: FirmwareService) -> None:
        self._service = service

    async def upload(self, call: Call[UploadQuery, None]) -> Answer:
        media = (call.header("content-type") or "application/octet-stream").partition(";")[0]
        if media.strip().lower() != "application/octet-stream":
            raise UnsupportedMedia(f"an artifact is application/octet-stream, not {media}")
        length = call.header("content-length") or ""
        new = NewRelease(
            type=call.query.type,
            version=call.query.version,
            channel=call.query.channel,
            filename=call.query.filename,
            signature_base64=call.header("x-signature"),
            declared_size=int(length) if length.isdigit() else None,
        )
        release = await self._service.upload(call.principal, new, call.request.stream())
        return Answer(
            _release(release),
            status=201,
            location=f"/api/v1/firmware/releases/{release.release_id}",
        )

    async def list(self, call: Call[ListQuery, None]) -> Items[Release]:
        page = await self._service.list(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_release(row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> Release:
        return _release(await self._service.get(call.principal.org, call.path("id")))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def sign(self, call: Call[None, SignatureBody]) -> Release:
        return _release(
            await self._service.sign(call.principal, call.path("id"), call.body.signature_base64)
        )

    async def list_keys(self, call: Call[ListQuery, None]) -> Items[SigningKey]:
        page = await self._service.keys(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_key(row) for row in page.items], page.next)

    async def add_key(self, call: Call[None, KeyBody]) -> Answer:
        body = call.body
        key = await self._service.add_key(call.principal, body.name, body.public_key)
        location = f"/api/v1/firmware/signing-keys/{key.key_id}"
        return Answer(_key(key), status=201, location=location)

    async def delete_key(self, call: Call[None, None]) -> None:
        await self._service.delete_key(call.principal, call.path("id"))

    async def artifact(self, call: Call[None, None]) -> Response:
        release = await self._service.get_for(call.principal, call.path("id"))
        etag = f'"{release.sha256}"'
        verdict = judge(_asked(call.request), etag, release.size)
        if verdict is RangeVerdict.KNOWN:
            return Response(status_code=304, headers={"ETag": etag})
        if isinstance(verdict, RangeVerdict) and verdict is not RangeVerdict.WHOLE:
            return _refused(verdict, etag, release.size)
        _ask_for(call.request, None if verdict is RangeVerdict.WHOLE else verdict)
        return FileResponse(
            self._service.path(release),
            media_type="application/octet-stream",
            filename=release.filename,
            headers={"ETag": etag},
        )


def _asked(request: Request) -> Asked:
    def header(name: str) -> str | None:
        return ", ".join(request.headers.getlist(name)) or None

    return Asked(
        method=request.method,
        if_match=header("if-match"),
        if_none_match=header("if-none-match"),
        if_range=header("if-range"),
        range=header("range"),
    )


def _ask_for(request: Request, part: ByteRange | None) -> None:
    """Let the library that sends the file see what was decided, and nothing else."""
    headers = [h for h in request.scope["headers"] if h[0] not in (b"range", b"if-range")]
    if part is not None:
        headers.append((b"range", b"bytes=%d-%d" % (part.first, part.last)))
    request.scope["headers"] = headers


def _refused(verdict: RangeVerdict, etag: str, size: int) -> Response:
    if verdict is RangeVerdict.ANOTHER:
        response = problem(PreconditionFailed(f"the artifact is {etag}"))
        response.headers["ETag"] = etag
        return response
    return problem_document(
        416,
        "Range not satisfiable",
        f"the artifact has {size} bytes",
        ProblemCode.INVALID,
        headers={"Content-Range": f"bytes */{size}"},
    )


def _release(row: ReleaseRow) -> Release:
    return Release(
        id=row.release_id,
        type=row.type,
        version=row.version,
        channel=row.channel,
        filename=row.filename,
        size=row.size,
        sha256=row.sha256,
        signature_base64=row.signature_base64,
        signed_by=row.signed_by,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
    )


def _key(row: FirmwareKeyRow) -> SigningKey:
    return SigningKey(
        id=row.key_id,
        name=row.name,
        public_key=row.public_key,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
    )
