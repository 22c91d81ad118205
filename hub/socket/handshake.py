"""The opening handshake (RFC 6455, section 4.2): request bytes in, response bytes out. No I/O.

uvicorn's HTTP parser has read the request already and replays it to the WebSocket class; what is
checked here is what makes an HTTP request an upgrade. Extensions are never negotiated.
"""

import base64
import binascii
import hashlib
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct

from protocol.errors import ProblemCode

SUBPROTOCOL: Final = "longline.v1"
SESSIONS: Final = "/ws/sessions/"
OF_SESSIONS: Final = ("longline.session.v1", "v5.channel.k8s.io")
"""Of a session's socket, the better one first."""
VERSION: Final = "13"
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ONCE: Final = frozenset(
    {"host", "sec-websocket-key", "sec-websocket-version", "authorization", "origin"}
)
"""Headers that must not come twice: who reads the first and who the last would disagree."""


class Upgrade(Struct, frozen=True, kw_only=True):
    """A valid request to open a WebSocket."""

    path: str
    """As sent, without the query; not decoded."""
    query: str
    """As sent, without the question mark. It may hold a token: never log it."""
    headers: dict[str, str]
    """By lower-case name; a header that came several times is joined with commas."""
    remote: str
    """The peer's address without its port, empty on a unix socket."""
    secure: bool
    """Whether the peer speaks TLS with us."""
    local: str = ""
    """The address of ours that it is connected to, without the port."""

    def header(self, name: str) -> str | None:
        """`name` in lower case."""
        return self.headers.get(name)

    def __repr__(self) -> str:
        """Without query and headers, whose tokens a log or a traceback would show."""
        return f"Upgrade({self.path!r}, remote={self.remote!r})"


class Refusal(Struct, frozen=True):
    """The answer instead of a socket."""

    status: int
    code: ProblemCode
    detail: str
    retry_after: int | None = None
    """Seconds."""


class _Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457, with the fields of every problem of ours (protocol.md, section 4)."""

    type: str
    title: str
    status: int
    detail: str
    code: ProblemCode
    success: bool = False


def parse(request: bytes, *, remote: str, secure: bool, local: str = "") -> Upgrade | Refusal:
    """The upgrade that the whole head of a request, up to its empty line, asks for."""
    first, *lines = request.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, _, target_and_version = first.partition(" ")
    target, _, version = target_and_version.rpartition(" ")
    if method != "GET" or version != "HTTP/1.1" or not target.startswith("/"):
        return malformed("an upgrade is a GET of a path in HTTP/1.1")
    headers = _headers(lines)
    if isinstance(headers, Refusal):
        return headers
    path, _, query = target.partition("?")
    refusal = _refusal(headers)
    return refusal or Upgrade(
        path=path, query=query, headers=headers, remote=remote, secure=secure, local=local
    )


def _headers(lines: list[str]) -> dict[str, str] | Refusal:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if not colon:
            return malformed("a header without a colon")
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            return malformed(f"{name} twice")
        else:
            headers[name] = f"{headers[name]}, {value}"
    return headers


def _refusal(headers: dict[str, str]) -> Refusal | None:
    if "host" not in headers:
        return malformed("no Host")
    if "websocket" not in _tokens(headers.get("upgrade", "")):
        return malformed("Upgrade is not websocket")
    if "upgrade" not in _tokens(headers.get("connection", "")):
        return malformed("Connection is not Upgrade")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        return malformed("an upgrade has no body")
    if headers.get("sec-websocket-version") != VERSION:
        return Refusal(426, ProblemCode.INVALID, "the WebSocket version must be 13")
    if not _is_key(headers.get("sec-websocket-key", "")):
        return malformed("Sec-WebSocket-Key is not 16 bytes in base64")
    return None


def malformed(detail: str) -> Refusal:
    return Refusal(400, ProblemCode.INVALID, detail)


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t").lower() for token in value.split(",")]


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def accepted(upgrade: Upgrade) -> bytes:
    """The 101 that opens the socket."""
    key = upgrade.headers["sec-websocket-key"] + _GUID
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    ]
    chosen = subprotocol(upgrade)
    if chosen is not None:
        lines.append(f"Sec-WebSocket-Protocol: {chosen}")
    return "\r\n".join([*lines, "", ""]).encode()


def subprotocol(upgrade: Upgrade) -> str | None:
    """Which of those that the client offers is spoken."""
    offered = upgrade.headers.get("sec-websocket-protocol", "")
    names = {token.strip(" \t") for token in offered.split(",")}
    known = OF_SESSIONS if SESSIONS in upgrade.path else (SUBPROTOCOL,)
    return next((name for name in known if name in names), None)


_ALSO: Final = {
    401: ["WWW-Authenticate: Bearer"],
    426: [f"Sec-WebSocket-Version: {VERSION}", "Upgrade: websocket", "Connection: Upgrade"],
}
"""Headers that a status requires (RFC 9110, 7.8 and 15.5.22; RFC 6455, 4.2.2)."""


def refused(refusal: Refusal) -> bytes:
    """The whole response: a problem document, after which the connection ends."""
    title = HTTPStatus(refusal.status).phrase
    body = msgspec.json.encode(
        _Problem(
            type=f"urn:longline:problem:{refusal.code}",
            title=title,
            status=refusal.status,
            detail=refusal.detail,
            code=refusal.code,
        )
    )
    lines = [
        f"HTTP/1.1 {refusal.status} {title}",
        "Content-Type: application/problem+json",
        "X-Content-Type-Options: nosniff",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *_ALSO.get(refusal.status, ()),
    ]
    if refusal.retry_after is not None:
        lines.append(f"Retry-After: {refusal.retry_after}")
    return "\r\n".join([*lines, "", ""]).encode() + body
