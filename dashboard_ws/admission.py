"""Who may open a dashboard socket: the browser's origin, and the credential of the upgrade."""

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from dashboard_ws.ports import Authorised, Tokens

_BEARER: Final = "bearer "


class Upgrade(Struct, frozen=True, kw_only=True):
    """What the upgrade request said. None = absent. The tokens are never written to any log."""

    authorization: str | None = None
    ticket: str | None = None
    token: str | None = None
    """`?token=`, None too when the setting refuses those."""


class Refused(Exception):
    """The credential is bad: 401 instead of the 101."""


def origin_allowed(origin: str | None, host: str, allowed: frozenset[str]) -> bool:
    """Whether a browser's page from `origin` may connect; no origin is no browser.

    Its own host may, by any scheme: the proxy in front may have ended TLS. `allowed` holds whole
    origins (`https://ops.example`). A refusal is a 403.
    """
    if origin is None or origin in allowed:
        return True
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


async def admit(upgrade: Upgrade, tokens: Tokens) -> Authorised | None:
    """Who opens the socket, or None when the first frame will tell.

    The first credential present decides, also when a later one is good. Raises `Refused`.
    """
    if upgrade.authorization is not None:
        found = await _check_header(upgrade.authorization, tokens)
    elif upgrade.ticket is not None:
        found = await tokens.redeem(upgrade.ticket)
    elif upgrade.token is not None:
        found = await tokens.check(upgrade.token)
    else:
        return None
    if found is None:
        raise Refused("not authenticated")
    return found


async def _check_header(authorization: str, tokens: Tokens) -> Authorised | None:
    if not authorization.lower().startswith(_BEARER):
        return None
    return await tokens.check(authorization[len(_BEARER) :].strip())
