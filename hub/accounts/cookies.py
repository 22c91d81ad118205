"""The cookie that keeps a browser signed in: a refresh token that no script can read.

It goes to `/api/v1/auth` only, and never with a request that another site began. Whatever else can
be had with a cookie alone is refused to a page that is not the hub's own.
"""

import hashlib
from typing import Final

from protocol.ids import OrgId

PREFIX: Final = "longline_refresh_"
FORMER_NAME: Final = "longline_refresh"
"""Of the version before: read once more."""


def name_of(installation: str, org: OrgId) -> str:
    """Another one for each organisation, and for each hub on a host."""
    return PREFIX + hashlib.sha256(f"{installation}:{org}".encode()).hexdigest()[:16]


def cookie(name: str, refresh_token: str, *, seconds: int, secure: bool, prefix: str = "") -> str:
    """The value of `Set-Cookie`; `secure` when the request came by TLS, `prefix` when a proxy
    serves the hub below a path."""
    kept = (
        f"{name}={refresh_token}; Max-Age={seconds}; Path={prefix}/api/v1/auth; HttpOnly; "
        "SameSite=Strict"
    )
    return f"{kept}; Secure" if secure else kept


def no_cookie(name: str, *, secure: bool, prefix: str = "") -> str:
    """The same, to have the browser forget it."""
    return cookie(name, "", seconds=0, secure=secure, prefix=prefix)
