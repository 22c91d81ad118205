"""What issuers answer: tokens, their lives, where to ask, what time it is, what is wrong. Pure.

No text of an answer reaches a log or a hub but the code of an OAuth error: what comes beside it may
repeat a secret.
"""

import math
import re
from base64 import urlsafe_b64decode
from email.utils import parsedate_to_datetime
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from protocol.answers import WEB_PAGE, is_web_page
from protocol.codec import decode
from protocol.errors import InvalidMessage

ASSUMED_SECONDS: Final = 3600.0
"""The life of a token that names none."""
MOST_TOKEN: Final = 16 * 1024
ANONYMOUS: Final = "anonymous"
"""In place of a release token: none is needed."""
WELL_KNOWN: Final = "/.well-known/openid-configuration"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")  # RFC 6749, A.12, without spaces
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1
_CODE: Final = re.compile(r"[a-z_]{1,40}")


class NoToken(Exception):
    """`message` is one line without secrets; `code` is OAuth's, `after` what the issuer asked to
    wait."""

    def __init__(
        self, message: str, *, status: int = 0, code: str | None = None, after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.after = after


class NothingToAskWith(NoToken):
    """No request was made: that is mended on this machine."""


class Issued(Struct, frozen=True):
    """`life` in seconds; None: it has no end. Secret, so this has no readable form."""

    token: str
    life: float | None

    def __repr__(self) -> str:
        return "Issued()"


class Reply(Struct, frozen=True, kw_only=True):
    """An answer over HTTP."""

    status: int
    media: str | None
    body: bytes
    after: float = 0.0


class Discovered(Struct, frozen=True):
    """Of an issuer's metadata (RFC 8414), what is used here."""

    token_endpoint: Annotated[str, Meta(pattern=r"^https?://")]
    issuer: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Granted(Struct, frozen=True):
    access_token: Annotated[str, Meta(min_length=1, max_length=MOST_TOKEN)]
    token_type: str = "Bearer"  # noqa: S105
    expires_in: float | str | None = None


class _Claims(Struct, frozen=True):
    exp: float | None = None
    iat: float | None = None


class _Refusal(Struct, frozen=True):
    error: str = ""


T = TypeVar("T")

_granted: Final = msgspec.json.Decoder(_Granted)
_claims: Final = msgspec.json.Decoder(_Claims)
_refusal: Final = msgspec.json.Decoder(_Refusal)
_discovered: Final = msgspec.json.Decoder(Discovered)


def granted(reply: Reply) -> Issued:
    """The answer to a request for a token. Raises `NoToken`."""
    found = _read(_granted, reply, "no token")
    if found.token_type.lower() != "bearer" or not _VISIBLE.fullmatch(found.access_token):
        raise NoToken("the issuer's token is no bearer token")
    return Issued(found.access_token, _lasting(_life(found.expires_in, found.access_token)))


def released(reply: Reply) -> Issued:
    """The answer to a request for the release token: the token itself. Raises `NoToken`."""
    _check_status(reply)
    text = reply.body.strip().decode("utf-8", "replace")
    if is_web_page(reply.media, reply.body):
        raise NoToken(WEB_PAGE)
    if text == ANONYMOUS:
        return Issued(text, None)
    if len(text) > MOST_TOKEN or not _BEARER.fullmatch(text):
        raise NoToken("the answer is no token")
    return Issued(text, _lasting(_life(None, text)))


def discovered(reply: Reply, issuer: str) -> Discovered:
    """Raises `NoToken`. Who names itself otherwise is another one (RFC 8414, 3.3)."""
    found = _read(_discovered, reply, "no metadata of an issuer")
    if found.issuer is not None and found.issuer.rstrip("/") != issuer.rstrip("/"):
        raise NoToken("the issuer names itself otherwise than issuer in the settings")
    return found


def _read(decoder: msgspec.json.Decoder[T], reply: Reply, what: str) -> T:
    _check_status(reply)
    if is_web_page(reply.media, reply.body):
        raise NoToken(WEB_PAGE)
    try:
        return decode(decoder, reply.body)
    except InvalidMessage:
        raise NoToken(f"the answer is {what}") from None


def _check_status(reply: Reply) -> None:
    if reply.status == 200:
        return
    code = _code_of(reply.body)
    said = f"answered {reply.status}" + (f" {code}" if code else "")
    raise NoToken(said, status=reply.status, code=code, after=reply.after)


def _code_of(body: bytes) -> str | None:
    try:
        code = decode(_refusal, body).error
    except InvalidMessage:
        return None
    return code if _CODE.fullmatch(code) else None


def _life(expires_in: float | str | None, token: str) -> float:
    if expires_in is None:
        return _life_of(token)
    try:
        return float(expires_in)
    except ValueError:
        raise NoToken("the issuer's expires_in is no number") from None


def _life_of(token: str) -> float:
    """Of a JWT (RFC 7519) what it says; nobody here checks its signature."""
    parts = token.split(".")
    try:
        claims = decode(_claims, urlsafe_b64decode(parts[1] + "==")) if len(parts) == 3 else None
    except (InvalidMessage, ValueError):
        claims = None
    if claims is None or claims.exp is None or claims.iat is None:
        return ASSUMED_SECONDS
    return claims.exp - claims.iat


def _lasting(life: float) -> float:
    if not math.isfinite(life) or life <= 0:
        raise NoToken("the issuer's token has ended already")
    return life


def moment_of(date: str | None) -> float | None:
    """A `Date` header, in seconds since the epoch; None when it says nothing."""
    if not date:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
