"""How the cloud is reached: an address, and a bearer token that is static or fetched by OAuth 2.0
client credentials (RFC 6749, 4.4). Pure.

A fetched token is used until a fifth of its life is left, or until the cloud refuses it.
"""

from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from protocol.codec import decode
from protocol.errors import InvalidMessage

ASSUMED_SECONDS: Final = 300.0
"""The life of a token whose issuer names none."""
_USED: Final = 0.8


class Access(Struct, frozen=True, kw_only=True):
    """Empty text is absent. Secrets: never logged, so this has no readable form."""

    url: str
    token: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        return f"Access({self.url})"


class Grant(Struct, frozen=True):
    """A token that was fetched; `fresh_until` by the monotonic clock."""

    token: str
    fresh_until: float


class _Issued(Struct, frozen=True):
    access_token: Annotated[str, Meta(min_length=1)]
    expires_in: Annotated[float, Meta(ge=0)] | None = None


_issued: Final = msgspec.json.Decoder(_Issued)


def problem_of(access: Access) -> str | None:
    """What is wrong with it, in one line; None when it can be used."""
    for name, url in (("url", access.url), ("token_url", access.token_url)):
        if (url or name == "url") and not _is_http(url):
            return f"{name} is not an http(s) URL"
    if access.token_url:
        complete = access.client_id and access.client_secret
        return None if complete else "token_url needs client_id and client_secret"
    return None if access.token else "a token or a token_url is required"


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def granted(body: bytes, now: float) -> Grant | None:
    """The token in an issuer's answer; None when there is none in it."""
    try:
        issued = decode(_issued, body)
    except InvalidMessage:
        return None
    if not issued.access_token.isascii() or not issued.access_token.isprintable():
        return None
    life = ASSUMED_SECONDS if issued.expires_in is None else issued.expires_in
    return Grant(issued.access_token, now + life * _USED)
