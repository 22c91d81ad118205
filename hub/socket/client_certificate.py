"""The header `Client-Cert` (RFC 9440): the certificate of a peer, as all behind the parser sees it.
Pure.

The hub itself sets it where TLS has shown one, takes it from proxies that are trusted, and removes
it from everybody else. So whoever finds it may believe it.
"""

import base64
import binascii
from typing import Final

NAME: Final = "client-cert"
_NAME: Final = NAME.encode()

Headers = list[tuple[bytes, bytes]]


class NotACertificate(ValueError):
    """The header is not one byte sequence (RFC 8941, 3.3.5)."""


def value_of(der: bytes) -> bytes:
    return b":" + base64.b64encode(der) + b":"


def certificate_of(value: str | None) -> bytes | None:
    """DER of what the header holds; None where there is nothing in it. What a proxy adds behind it
    (parameters), and padding that is missing, do not count (RFC 8941, 4.2.7). Raises
    `NotACertificate`."""
    if not value:
        return None
    before, _, rest = value.partition(":")
    inner, closed, parameters = rest.partition(":")
    if before or not closed or not (parameters == "" or parameters.startswith(";")):
        raise NotACertificate
    try:
        return base64.b64decode(inner + "=" * (-len(inner) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        raise NotACertificate from None


def settled(headers: Headers, *, shown: bytes | None, is_believed: bool) -> Headers | None:
    """The headers of a request as they count; None when they stay as they are. `shown`: by TLS, to
    us. `is_believed`: its peer is a proxy that we trust. Raises `NotACertificate`."""
    given = [value for name, value in headers if name == _NAME]
    if shown is None and (not given or is_believed):
        if len(given) > 1:
            raise NotACertificate
        certificate_of(given[0].decode("latin-1") if given else None)
        return None
    others = [header for header in headers if header[0] != _NAME]
    return others if shown is None else [*others, (_NAME, value_of(shown))]
