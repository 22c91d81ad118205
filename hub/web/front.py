"""What stands before every route: the prefix of a proxy, the name in `Host`, pages of others.

`site.py` decides; here requests are turned away, and answers get their headers.
"""

from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.base.errors import Misdirected
from hub.web import envelope
from hub.web.inputs import header_of
from hub.web.site import Site

API: Final = "/api/"
PLAIN: Final = ("/register", "/heartbeat", "/devices", "/tokens")
"""Programs of others call these at the root (hub/plain); pages of theirs may, too."""
CORS_HEADERS: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Range, "
        "X-Signature"
    ),
    "Access-Control-Max-Age": "600",
}
EXPOSED: Final = "ETag, Location, RateLimit, RateLimit-Policy, Retry-After"


class Front:
    """`for_machines` says which (method, path) programs call, by whatever name they know us."""

    def __init__(self, app: ASGIApp, site: Site, for_machines: Callable[[str, str], bool]) -> None:
        self._app = app
        self._site = site
        self._for_machines = for_machines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._site.prefix:
            scope["path"] = self._site.inside(scope["path"])
            send = _below(self._site.prefix, send)
        if self._site.allowed_origins and _is_called(scope["path"]):
            send = _with_origin(self._site, Headers(scope=scope).get("origin"), send)
        answer = self._instead(scope)
        await (self._app if answer is None else answer)(scope, receive, send)

    def _instead(self, scope: Scope) -> Response | None:
        """The answer to what no route shall see."""
        method, path = scope["method"], scope["path"]
        host, at = header_of(scope, b"host") or "", (scope.get("server") or _NOWHERE)[0] or ""
        if not self._site.knows(host, at) and not self._for_machines(method, path):
            return envelope.problem(misdirected(host))
        return self._to_preflight(scope) if method == "OPTIONS" else None

    def _to_preflight(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        asks = "access-control-request-method" in headers and _is_called(scope["path"])
        if not asks or not self._site.allows(headers.get("origin")):
            return None
        return Response(status_code=204, headers=CORS_HEADERS)


def _is_called(path: str) -> bool:
    """By programs, not opened by people."""
    return path.startswith((API, "/tokens/")) or path in PLAIN


_NOWHERE: Final = ("", None)


def misdirected(host: str) -> Misdirected:
    return Misdirected(
        f"this hub does not answer as {host[:256] or 'no host'}: set LONGLINE_PUBLIC_URL"
    )


def _below(prefix: str, send: Send) -> Send:
    """Whatever we say is at a path is, outside, below the prefix."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            location = headers.get("location")
            if location is not None and location.startswith("/"):
                headers["location"] = prefix + location
        await send(message)

    return changed


def _with_origin(site: Site, origin: str | None, send: Send) -> Send:
    """Pages of an allowed origin may read the answer; caches keep it apart (Fetch, 3.2)."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Origin")
            if origin is not None and site.allows(origin):
                headers["access-control-allow-origin"] = origin
                headers["access-control-expose-headers"] = EXPOSED
        await send(message)

    return changed
