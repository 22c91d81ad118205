"""What describes the hub over HTTP: both contracts, and a page that shows the REST one.

The documents are encoded once, when the replica starts. The page is Swagger UI, whose files come
with the build of the console, by the hashes of its lock: no CDN, no inline script, no Node.
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from hub.web import console, envelope
from hub.web.contract.asyncapi import asyncapi
from hub.web.contract.openapi import PREFIX, openapi
from hub.web.contract.rules import Rules
from hub.web.route import Route
from protocol.errors import ProblemCode

OURS: Final = Path(__file__).parent / "static"
BUILT: Final = console.BUILT / "docs"
OF_BUILD: Final = ("swagger-ui.css", "swagger-ui-bundle.js")

# Swagger UI sets styles on elements and draws its icons from data addresses.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
}


_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Longline API</title>
<h1>The API page is not built</h1>
<p>This hub has none. The REST API is described by
<a href="api/v1/openapi.json">this document</a>, the sockets by
<a href="api/v1/asyncapi.json">this one</a>.
<p>In a checkout, run <code>./scripts/console</code> and load this page again. A package without the
page was built with <code>LONGLINE_NO_CONSOLE=1</code>: install one that was built without that.
</html>
"""


def pages(
    table: Sequence[Route], rules: Rules, prefix: str = "", built: Path = BUILT
) -> list[BaseRoute]:
    """The routes of the documents and of the page; everybody may read them. Outside all paths are
    below `prefix`."""
    ours = version("longline")
    viewer = _Viewer(built)
    return [
        _document("/openapi.json", openapi(table, rules, version=ours, prefix=prefix)),
        _document("/asyncapi.json", asyncapi(version=ours)),
        StarletteRoute("/docs", viewer.page),
        StarletteRoute("/docs/{name}", viewer.file),
    ]


def _document(path: str, content: dict[str, Any]) -> BaseRoute:
    body = msgspec.json.encode(content)
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def endpoint(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=envelope.JSON)

    return StarletteRoute(PREFIX + path, endpoint)


class _Viewer:
    """The page and its files: ours, and those that the build has left in `built`."""

    def __init__(self, built: Path) -> None:
        self._files = {name: OURS / name for name in ("docs.js", "docs.css")} | {
            name: built / name for name in OF_BUILD
        }

    async def page(self, _: Request) -> Response:
        if not all(file.is_file() for file in self._files.values()):
            return HTMLResponse(_NOT_BUILT, status_code=404, headers=_HEADERS)
        return FileResponse(OURS / "docs.html", headers=_HEADERS)

    async def file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None or not file.is_file():
            return envelope.problem_document(
                404, "Not found", "no such file of the API page", ProblemCode.NOT_FOUND
            )
        return FileResponse(file, headers={**_HEADERS, "Cache-Control": "no-cache"})
