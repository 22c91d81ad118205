"""The operators' console: the files that `./scripts/console` has built, at `/`.

It is asked last, for what no other path has taken: a file of the build, or a page that the console
itself knows by its path (so any path a browser wants to show gets `index.html`). Files carry a hash
of their content in their name and never change; `index.html` is read again each time and gets a
nonce, the only styles that are let in beside our own files.
"""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

BUILT: Final = Path(__file__).parent / "static" / "console"
NONCE: Final = "LONGLINE_NONCE"
"""Stands in `index.html` where the nonce belongs; see `console/vite.config.ts`."""

PREFIX: Final = "LONGLINE_PREFIX"
"""Stands there where the console reads below which path it is served."""

_FILE: Final = re.compile(r"/(?:assets/)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(js|css|svg)")
_TYPES: Final = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_OTHERS: Final = ("/api/", "/ws/", "/docs/", "/.well-known/")
"""Below these a path that does not exist is no page of the console."""
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))

_SAFE: Final = {"Referrer-Policy": "no-referrer"}
_FOREVER: Final = "public, max-age=31536000, immutable"

_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Longline</title>
<h1>The console is not built</h1>
<p>This hub has none. Everything else works: the API is described
<a href="LONGLINE_PREFIX/api/v1/openapi.json">here</a>.
<p>In a checkout, run <code>./scripts/console</code> and load this page again. A package without the
console was built with <code>LONGLINE_NO_CONSOLE=1</code>: install one that was built without that.
</html>
"""


def policy(nonce: str) -> str:
    """The Content-Security-Policy of one answer."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class Console:
    """An application for the paths that nothing else takes. Without a build it says so."""

    def __init__(self, prefix: str = "", folder: Path = BUILT) -> None:
        self._prefix = prefix
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404)
        response = self._answer(Request(scope))
        await response(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        path: str = request.scope["path"]
        if request.method not in ("GET", "HEAD") or path.startswith(_OTHERS):
            raise HTTPException(404)
        if found := _FILE.fullmatch(path):
            return self._file(path, _TYPES[found[1]], request.headers)
        if path != "/" and "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        return self._index()

    def _file(self, path: str, media_type: str, headers: Mapping[str, str]) -> Response:
        file = self._folder / path[1:]
        if not file.is_file():
            raise HTTPException(404)
        caching = _FOREVER if path.startswith("/assets/") else "no-cache"
        said = {**_SAFE, "Cache-Control": caching, "Vary": "Accept-Encoding"}
        accepted = headers.get("accept-encoding", "")
        for encoding, suffix in _ENCODINGS:
            smaller = file.with_name(file.name + suffix)
            if encoding in accepted and smaller.is_file():
                said["Content-Encoding"] = encoding
                return FileResponse(smaller, headers=said, media_type=media_type)
        return FileResponse(file, headers=said, media_type=media_type)

    def _index(self) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_SAFE,
            "Content-Security-Policy": policy(nonce),
            "Cache-Control": "no-cache",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        try:
            page = (self._folder / "index.html").read_text("utf-8")
        except FileNotFoundError:
            page = _NOT_BUILT.replace(PREFIX, self._prefix)
            return HTMLResponse(page, status_code=404, headers=headers)
        page = page.replace(NONCE, nonce).replace(PREFIX, self._prefix)
        # The build's own files, wherever the page is: a path of its own may have several parts.
        return HTMLResponse(page.replace('="./', f'="{self._prefix}/'), headers=headers)
