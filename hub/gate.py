"""Who may open a socket: the one gate in front of `/ws/device` and `/ws/dashboard`.

It also adapts what the dashboards' fan-out asks for to the floors of the hub.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from dashboard_ws import admission
from dashboard_ws.dashboards import Dashboards
from dashboard_ws.endpoint import MOST_SOCKETS
from dashboard_ws.ports import Authorised
from hub.accounts.access import SECRET, is_secret_from
from hub.accounts.service import AccountService
from hub.accounts.tokens import REFUSAL
from hub.base import metrics
from hub.base.errors import Unauthenticated
from hub.base.principal import Principal
from hub.base.turnstile import Turnstile
from hub.groups.service import GroupService
from hub.lines.endpoint import DeviceGate
from hub.socket.handler import Handler
from hub.socket.handshake import Refusal, Upgrade
from hub.web.front import misdirected
from hub.web.site import Site, foreign_page
from protocol.errors import ProblemCode
from protocol.ids import OrgId

SPREAD_SECONDS: Final = 15
"""Over this many seconds those who come back are spread."""
_TOO_MANY_SOCKETS: Final = Refusal(
    429,
    ProblemCode.TOO_MANY_REQUESTS,
    f"a user may have {MOST_SOCKETS} dashboard sockets",
    retry_after=30,
)
_NOT_AUTHENTICATED: Final = Refusal(401, ProblemCode.UNAUTHENTICATED, REFUSAL)


class SocketGate:
    """`draining` says whether this replica takes no new sockets any more; the turnstile, when the
    next may come in."""

    def __init__(
        self,
        devices: DeviceGate,
        dashboards: Dashboards,
        tokens: "DashboardTokens",
        site: Site,
        *,
        query_tokens: bool,
        turnstile: Turnstile,
        draining: Callable[[], bool],
    ) -> None:
        self._devices = devices
        self._dashboards = dashboards
        self._tokens = tokens
        self._site = site
        self._query_tokens = query_tokens
        self._turnstile = turnstile
        self._draining = draining

    def admit(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        if self._draining():
            return _count(Refusal(503, ProblemCode.UNAVAILABLE, "draining", retry_after=1))
        match self._site.inside(upgrade.path):
            case "/ws/device":
                return self._in_turn(upgrade)
            case "/ws/dashboard":
                return self._admit_dashboard(upgrade)
            case _:
                return _count(Refusal(404, ProblemCode.NOT_FOUND, "no such socket"))

    def _in_turn(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        """A device's upgrade, decided at once or when its turn comes."""
        if self._turnstile.open():
            return self._turnstile.run(partial(self._devices.admit, upgrade))
        decided: asyncio.Future[Handler | Refusal] = asyncio.get_running_loop().create_future()

        def decide() -> None:
            if not decided.done():
                decided.set_result(self._devices.admit(upgrade))

        if self._turnstile.queue(decide):
            return decided
        seconds = random.randint(1, SPREAD_SECONDS)  # noqa: S311
        return _count(Refusal(503, ProblemCode.OVERLOADED, "too many connect", retry_after=seconds))

    async def _admit_dashboard(self, upgrade: Upgrade) -> Handler | Refusal:
        host, origin = upgrade.header("host") or "", upgrade.header("origin")
        if not self._site.knows(host, upgrade.local):
            return _count(Refusal(421, ProblemCode.MISDIRECTED, misdirected(host).detail))
        if not (self._site.owns(origin, host) or self._site.allows(origin)):
            return _count(Refusal(403, ProblemCode.FORBIDDEN, foreign_page(origin, host)))
        query = parse_qs(upgrade.query, keep_blank_values=True)
        token = query.get("token", [None])[0]
        shown = admission.Upgrade(
            authorization=upgrade.header("authorization"),
            ticket=query.get("ticket", [None])[0],
            token=token if self._query_tokens or token is None else "",
        )
        try:
            authorised = await admission.admit(shown, self._tokens)
        except admission.Refused:
            return _count(_NOT_AUTHENTICATED)
        return self._dashboards.handler(authorised) or _count(_TOO_MANY_SOCKETS)


def _count(refusal: Refusal) -> Refusal:
    metrics.refused_sockets.labels(str(refusal.status)).inc()
    return refusal


class DashboardTokens:
    """The token check of the dashboards: users only."""

    def __init__(self, accounts: AccountService) -> None:
        self._accounts = accounts

    async def check(self, token: str) -> Authorised | None:
        try:
            return _authorised(await self._accounts.user(token))
        except Unauthenticated:
            return None

    async def redeem(self, ticket: str) -> Authorised | None:
        try:
            return _authorised(await self._accounts.redeem(ticket))
        except Unauthenticated:
            return None


def _authorised(principal: Principal) -> Authorised:
    return Authorised(
        org=principal.org,
        user_id=principal.subject,
        session_id=principal.session_id or "",
        role=principal.role or "",
        cleared=not any(is_secret_from(principal, kind) for kind in SECRET),
        expires_at=datetime.fromtimestamp(principal.expires_at, UTC),
    )


class DashboardGroups:
    """The membership of groups, as the dashboards' filters need it."""

    def __init__(self, groups: GroupService) -> None:
        self._groups = groups

    async def members(self, org: OrgId, group_ids: frozenset[str]) -> frozenset[str]:
        return frozenset(await self._groups.members(org, sorted(group_ids)))
