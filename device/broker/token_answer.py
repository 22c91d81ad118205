"""What Caddy is answered that asks for a token (`forward_auth`): pure HTTP/1.1, one request a time.

200 with the token in `Authorization` when there is a good one; the header is empty where none is
needed. Anything else is 503: then Caddy answers its client so, and asks nobody else.
"""

import re
from collections.abc import Callable, Collection
from typing import Final

from msgspec import Struct

from device.broker.answers import ANONYMOUS

MOST_HEAD: Final = 64 * 1024
_REQUEST: Final = re.compile(rb"[A-Z]+ /([a-z-]{1,40}) HTTP/1\.1\r\n")
_BODY: Final = re.compile(rb"\r\n(?:content-length: *0*[1-9]|transfer-encoding:)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Answered(Struct, frozen=True):
    """Holds a token, so this has no readable form."""

    raw: bytes
    goes_on: bool
    """Whether another request may follow on this connection."""

    def __repr__(self) -> str:
        return "Answered()"


def answer(head: bytes, *, names: Collection[str], token: Callable[[str], str | None]) -> Answered:
    """To the request whose head this is, empty line included. `names`: which tokens may be asked
    for; `token`: one that is good now."""
    request = _REQUEST.match(head)
    name = request[1].decode() if request else ""
    found = token(name) if name in names else None
    goes_on = request is not None and not _BODY.search(head) and not _CLOSE.search(head)
    said = "" if goes_on else "Connection: close\r\n"
    if found is None:
        said = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n{said}\r\n"
        return Answered(said.encode(), goes_on)
    value = "" if found == ANONYMOUS else f"Bearer {found}"
    ok = f"HTTP/1.1 200 OK\r\nAuthorization: {value}\r\nContent-Length: 0\r\n{said}\r\n"
    return Answered(ok.encode(), goes_on)
