"""What describes the hub over HTTP: both contracts, and a page that shows the REST one.

The documents are encoded once, when the replica starts. The page is Swagger UI out of the package
`offapi`, which holds its files and nothing else that we use: no CDN, no inline script, no Node.
"""

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from hub.web import envelope
from hub.web.contract import PREFIX, openapi
from hub.web.contract_rules import Rules
from hub.web.contract_sockets import asyncapi
from hub.web.route import Route
from protocol.errors import ProblemCode

OURS: Final = Path(__file__).parent / "static"
ASSETS: Final = {
    "swagger-ui.css": "swagger_style.css",
    "swagger-ui.js": "swagger_bundle.js",
}
"""Name on the page → file of `offapi`."""

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


def pages(table: list[Route], rules: Rules, prefix: str = "") -> list[BaseRoute]:
    """The routes of the documents and of the page; everybody may read them. Outside all paths are
    below `prefix`."""
    ours = version("longline")
    return [
        _document("/openapi.json", openapi(table, rules, version=ours, prefix=prefix)),
        _document("/asyncapi.json", asyncapi(version=ours)),
        StarletteRoute("/docs", _page),
        StarletteRoute("/docs/{name}", _asset),
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


async def _page(_: Request) -> Response:
    return FileResponse(OURS / "docs.html", headers=_HEADERS)


async def _asset(request: Request) -> Response:
    path = asset(request.path_params["name"])
    if path is None:
        return envelope.problem_document(
            404, "Not found", "no such file of the API page", ProblemCode.NOT_FOUND
        )
    return FileResponse(path, headers={**_HEADERS, "Cache-Control": "no-cache"})


def asset(name: str) -> Path | None:
    """The file behind a name on the page; None for any other name."""
    if name in ("docs.js", "docs.css"):
        return OURS / name
    if name not in ASSETS:
        return None
    # Looked up, not imported: the package builds its templates when it is imported.
    spec = find_spec("offapi")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / ASSETS[name]
