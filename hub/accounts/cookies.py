"""The cookie that keeps a browser signed in: a refresh token that no script can read.

It goes to `/api/v1/auth` only, and never with a request that another site began. Whatever else can
be had with a cookie alone is refused to a page that is not the hub's own.
"""

from typing import Final

from dashboard_ws.admission import origin_allowed

NAME: Final = "longline_refresh"
_NONE: Final = frozenset[str]()


def cookie(refresh_token: str, *, seconds: int, secure: bool) -> str:
    """The value of `Set-Cookie`; `secure` when the request came by TLS."""
    kept = (
        f"{NAME}={refresh_token}; Max-Age={seconds}; Path=/api/v1/auth; HttpOnly; SameSite=Strict"
    )
    return f"{kept}; Secure" if secure else kept


def no_cookie(*, secure: bool) -> str:
    """The same, to have the browser forget it."""
    return cookie("", seconds=0, secure=secure)


def is_own_page(origin: str | None, host: str) -> bool:
    """Whether a page of the hub's own asks, or no browser at all."""
    return origin_allowed(origin, host, _NONE)
