"""Whether an answer over HTTP is the peer's own word (promise G19). Pure.

Portals, proxies and default hosts in between answer for whoever was asked, mostly with 200 and a
page for people. What we ask answers machines: with JSON, or with nothing."""

from typing import Any, Final

from msgspec.json import Decoder

from protocol.codec import outline
from protocol.errors import InvalidMessage

WEB_PAGE: Final = "the answer is a web page: a portal or proxy in between?"
NOT_JSON: Final = "the answer is neither empty nor JSON: a portal or proxy in between?"
PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
"""The media types of pages for people."""
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"

_anything: Final[Decoder[Any]] = Decoder()


def is_web_page(media: str | None, body: bytes) -> bool:
    """`media` is the `Content-Type`. JSON is none, whatever it is called."""
    text = body.strip(_BLANK)
    if not text or is_json(body):
        return False
    return text.startswith(b"<") or media_of(media) in PAGES


def is_json(body: bytes) -> bool:
    try:
        outline(_anything, body)
    except InvalidMessage:
        return False
    return True


def media_of(header: str | None) -> str:
    """A `Content-Type` without its parameters."""
    return (header or "").partition(";")[0].strip().lower()


def doubt_of_success(media: str | None, body: bytes) -> str | None:
    """Why a 2xx is not believed; None when it is."""
    if is_web_page(media, body):
        return WEB_PAGE
    return None if not body.strip(_BLANK) or is_json(body) else NOT_JSON
