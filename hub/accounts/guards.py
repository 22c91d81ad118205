"""The guard of every route: who calls, and may they?"""

from typing import Any

from starlette.requests import Request

from hub.accounts.access import FOR_DEVICES, Action, may
from hub.accounts.service import AccountService
from hub.accounts.tokens import API_KEY_PREFIX, REFUSAL
from hub.base.errors import Forbidden, Unauthenticated
from hub.web.principal import ANYONE, Principal


class AccountGuard:
    def __init__(self, accounts: AccountService) -> None:
        self._accounts = accounts

    async def __call__(self, request: Request, action: Any) -> Principal:
        """The caller. Raises `Unauthenticated` or `Forbidden`."""
        if action is Action.OPEN:
            return ANYONE
        principal = await self._identify(bearer(request), action)
        if not may(principal, action):
            raise Forbidden(_refusal(principal))
        return principal

    async def _identify(self, token: str, action: Action) -> Principal:
        if token.startswith(API_KEY_PREFIX):
            return await self._accounts.api_key(token)
        if action in FOR_DEVICES:
            try:
                return self._accounts.device(token)
            except Unauthenticated:
                pass
        return self._accounts.user(token)


def _refusal(principal: Principal) -> str:
    match principal.kind:
        case "device":
            return "the token of a device does not allow this"
        case "api_key":
            return f"the role of this API key, {principal.role}, does not allow this"
        case _:
            return f"your role, {principal.role}, does not allow this"


def bearer(request: Request) -> str:
    """The bearer token of a request. Raises `Unauthenticated`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(REFUSAL)
    return token.strip()
