"""Who may open a dashboard socket: the credential of the upgrade."""

from typing import Final

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
