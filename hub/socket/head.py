"""The head of a request, as uvicorn's parser has read it: what is wrong with it, and whether it
asks for a WebSocket. Pure.

An `Upgrade` to anything else is ignored (RFC 9110, 7.8). The parser cannot do that: once it has
seen one it takes what follows the head for another protocol, and a body of the request would be
read as the next request. So such a head is told to a new parser without its `Upgrade`
(`without_upgrade`), and one reader alone says where the body ends.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from hub.socket.handshake import Refusal, malformed
from protocol.errors import ProblemCode

Header = tuple[bytes, bytes]
"""(name in lower case, value)."""

_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::\d{0,5})?")
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


_CODING: Final = Refusal(501, ProblemCode.UNSUPPORTED_MEDIA, "of transfer codings only chunked")


def fault_of(method: bytes, version: str, headers: Iterable[Header]) -> Refusal | None:
    """What no request may be, whatever it asks for (RFC 9112, 3.2 and 6.1)."""
    if method == b"CONNECT":
        return malformed("CONNECT is for proxies")
    hosts: list[bytes] = []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            return _CODING
        elif name == b"transfer-encoding" and version != "1.1":
            return malformed("Transfer-Encoding is HTTP/1.1")
    return _fault_of_host(hosts, version)


def _fault_of_host(hosts: list[bytes], version: str) -> Refusal | None:
    if len(hosts) > 1:
        return malformed("Host twice")
    if not hosts:
        return malformed("no Host") if version == "1.1" else None
    return None if _HOST.fullmatch(hosts[0]) else malformed("Host is not a host")


def asks_for_websocket(method: bytes, headers: Iterable[Header]) -> bool:
    """Whether a request with `Connection: Upgrade` is a handshake of RFC 6455, however faulty: a
    GET that offers `websocket`, maybe among others, and says anything in the words of that RFC."""
    offered: list[bytes] = []
    spoken = False
    for name, value in headers:
        if name == b"upgrade":
            offered += value.split(b",")
        spoken = spoken or name.startswith(b"sec-websocket-")
    return method == b"GET" and spoken and b"websocket" in (p.strip().lower() for p in offered)


def without_upgrade(method: bytes, target: bytes, version: str, headers: Iterable[Header]) -> bytes:
    """The same head again, but for its `Upgrade`. No value holds a line end: the parser saw to
    that."""
    return b"\r\n".join(_lines(method, target, version, headers))


def _lines(
    method: bytes, target: bytes, version: str, headers: Iterable[Header]
) -> Iterator[bytes]:
    yield b"%s %s HTTP/%s" % (method, target, version.encode())
    yield from (name + b": " + value for name, value in headers if name != b"upgrade")
    yield from (b"", b"")


def authority_of(target: bytes) -> bytes | None:
    """The host that an absolute target names; it counts instead of `Host` (RFC 9112, 3.2.2)."""
    found = None if target.startswith(b"/") else _ABSOLUTE.match(target)
    return found[1] if found else None
