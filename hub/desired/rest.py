"""`/device/desired/{kind}`: what the calling device should have."""

from starlette.responses import Response

from hub.desired.service import DesiredService, WantedDocument
from hub.web.envelope import Answer
from hub.web.route import Call


class DesiredEndpoints:
    def __init__(self, service: DesiredService) -> None:
        self._service = service

    async def get(self, call: Call[None, None]) -> Answer | Response:
        found = await self._service.document(call.principal, call.path("kind"))
        etag = _etag(found)
        if etag in (call.header("if-none-match") or ""):
            return Response(status_code=304, headers={"ETag": etag})
        return Answer(found, etag=etag)


def _etag(found: WantedDocument) -> str:
    return f'"{found.version}-{found.hash}"'
