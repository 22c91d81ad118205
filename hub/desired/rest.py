"""`/device/desired/{kind}`: what the calling device should have."""

from msgspec import UNSET, to_builtins
from starlette.responses import Response

from hub.desired.service import DesiredService, WantedDocument
from hub.web.envelope import Answer
from hub.web.route import Call
from protocol.canonical import hash_of


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
    """Another one as well when a release was replaced, which the document does not name."""
    artifacts = "" if found.artifacts is UNSET else f"-{hash_of(to_builtins(found.artifacts))[:16]}"
    return f'"{found.version}-{found.hash}{artifacts}"'
