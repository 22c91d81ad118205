"""The cookie that keeps a browser signed in: a refresh token that no script can read.

It goes to `/api/v1/auth` only, and never with a request that another site began. Whatever else can
be had with a cookie alone is refused to a page that is not the hub's own.
"""

from typing import Final

NAME: Final = "longline_refresh"


def cookie(refresh_token: str, *, seconds: int, secure: bool, prefix: str = "") -> str:
    """The value of `Set-Cookie`; `secure` when the request came by TLS, `prefix` when a proxy
    serves the hub below a path."""
    kept = (
        f"{NAME}={refresh_token}; Max-Age={seconds}; Path={prefix}/api/v1/auth; HttpOnly; "
        "SameSite=Strict"
    )
    return f"{kept}; Secure" if secure else kept


def no_cookie(*, secure: bool, prefix: str = "") -> str:
    """The same, to have the browser forget it."""
    return cookie("", seconds=0, secure=secure, prefix=prefix)
