"""`/firmware/releases`."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import FileResponse, Response

from hub.base.errors import UnsupportedMedia
from hub.firmware.artifact import Wanted, wanted
from hub.firmware.service import FirmwareService, NewRelease, ReleaseRow
from hub.web.envelope import Answer, Items, problem_document
from hub.web.inputs import ListQuery, Query
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.errors import ProblemCode

Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)")]


class UploadQuery(Query, frozen=True, kw_only=True):
    version: Word
    channel: Word = "stable"
    filename: Annotated[str, Meta(min_length=1, max_length=1024)] = "artifact"


class Release(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    version: str
    channel: str
    filename: str
    size: int
    sha256: str
    signature_base64: str | None
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

    async def artifact(self, call: Call[None, None]) -> Response:
        release = await self._service.get(call.principal.org, call.path("id"))
        part = wanted(call.header("range"), release.size)
        if part is Wanted.NOTHING:
            return problem_document(
                416,
                "Range not satisfiable",
                f"the artifact has {release.size} bytes",
                ProblemCode.INVALID,
                headers={"Content-Range": f"bytes */{release.size}"},
            )
        if part is Wanted.WHOLE:
            scope = call.request.scope
            scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
        return FileResponse(
            self._service.path(release),
            media_type="application/octet-stream",
            filename=release.filename,
            headers={"ETag": f'"{release.sha256}"', "X-Content-Type-Options": "nosniff"},
        )


def _release(row: ReleaseRow) -> Release:
    return Release(
        id=row.release_id,
        version=row.version,
        channel=row.channel,
        filename=row.filename,
        size=row.size,
        sha256=row.sha256,
        signature_base64=row.signature_base64,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
    )
