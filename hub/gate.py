"""Who may open a socket: the one gate in front of `/ws/device`, `/ws/dashboard` and the sockets of
sessions."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from dashboard_ws import admission
from dashboard_ws.dashboards import Dashboards
from dashboard_ws.endpoint import MOST_SOCKETS
from hub.accounts.service import AccountService
from hub.accounts.tokens import REFUSAL
from hub.base import metrics
from hub.base.errors import PROBLEMS, HubError
from hub.base.foundation import Capability, Foundation
from hub.base.principal import Principal
from hub.base.turnstile import Turnstile
from hub.certificates.service import CertificateService
from hub.commands.service import CommandService
from hub.dashboards import DashboardTokens
from hub.lines.device_gate import DeviceGate, DeviceSettings
from hub.lines.endpoint import LineEndpoint
from hub.lines.pace import Rates
from hub.lines.service import LineService
from hub.lines.takers import Takers
from hub.sessions.admission import SessionGate
from hub.socket.client_certificate import NAME as CLIENT_CERT
from hub.socket.client_certificate import certificate_of
from hub.socket.handler import Handler
from hub.socket.handshake import SESSIONS, Refusal, Upgrade
from hub.telemetry.writer import TelemetryWriter
from hub.web.front import misdirected
from hub.web.site import Site, foreign_page
from protocol.errors import ProblemCode

SPREAD_SECONDS: Final = 15
"""Over this many seconds those who come back are spread."""
_TOO_MANY_SOCKETS: Final = Refusal(
    429,
    ProblemCode.TOO_MANY_REQUESTS,
    f"a user may have {MOST_SOCKETS} dashboard sockets",
    retry_after=30,
)
_NO_SUCH_SOCKET: Final = Refusal(404, ProblemCode.NOT_FOUND, "no such socket")
_NOT_AUTHENTICATED: Final = Refusal(401, ProblemCode.UNAUTHENTICATED, REFUSAL)


def build(
    base: Foundation,
    site: Site,
    accounts: AccountService,
    certificates: CertificateService,
    telemetry: TelemetryWriter,
    lines: LineService,
    commands: CommandService,
    dashboards: Dashboards,
    sessions: SessionGate,
    capabilities: Iterable[Capability],
) -> "SocketGate":
    """Raises `ValueError` when a frame of a device has not exactly one taker."""
    settings = base.settings
    turnstile = Turnstile(clock=time.monotonic, soon=asyncio.get_running_loop().call_soon)
    devices = DeviceGate(
        accounts,
        certificates,
        lines,
        telemetry,
        commands,
        Takers(capability.frames for capability in capabilities),
        DeviceSettings(
            Rates(settings.device_frame_rate, settings.device_byte_rate),
            settings.query_tokens,
            settings.device_certificates == "required",
        ),
        turnstile=turnstile,
        clock=time.monotonic,
        wall_clock=base.clock,
        spawn=base.spawn,
    )
    return SocketGate(
        LineEndpoint(devices),
        certificates,
        dashboards,
        DashboardTokens(accounts),
        sessions,
        site,
        query_tokens=settings.query_tokens,
        turnstile=turnstile,
        draining=base.is_draining,
    )


class SocketGate:
    """`draining` says whether this replica takes no new sockets any more; the turnstile, when the
    next may come in."""

    def __init__(
        self,
        devices: LineEndpoint,
        certificates: CertificateService,
        dashboards: Dashboards,
        tokens: DashboardTokens,
        sessions: SessionGate,
        site: Site,
        *,
        query_tokens: bool,
        turnstile: Turnstile,
        draining: Callable[[], bool],
    ) -> None:
        self._devices = devices
        self._certificates = certificates
        self._dashboards = dashboards
        self._tokens = tokens
        self._sessions = sessions
        self._site = site
        self._query_tokens = query_tokens
        self._turnstile = turnstile
        self._draining = draining

    def admit(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        if self._draining():
            return _count(Refusal(503, ProblemCode.UNAVAILABLE, "draining", retry_after=1))
        match self._site.inside(upgrade.path):
            case "/ws/device":
                return self._admit_device(upgrade)
            case "/ws/dashboard":
                return self._admit_dashboard(upgrade)
            case path if path and path.startswith(SESSIONS):
                return self._admit_session(upgrade, path.removeprefix(SESSIONS))
            case _:
                return _count(_NO_SUCH_SOCKET)

    def admit_device(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        """What is for devices alone."""
        path = self._site.inside(upgrade.path) or ""
        if path.startswith(SESSIONS) and not self._draining():
            return self._admit_session(upgrade, path.removeprefix(SESSIONS), devices_only=True)
        return self.admit(upgrade) if path == "/ws/device" else _count(_NO_SUCH_SOCKET)

    async def _admit_session(
        self, upgrade: Upgrade, session_id: str, *, devices_only: bool = False
    ) -> Handler | Refusal:
        der = certificate_of(upgrade.header(CLIENT_CERT))
        foreign = None if devices_only else self._foreign(upgrade)
        if foreign is not None and upgrade.header("origin") is not None:
            return _count(foreign)
        try:
            certified = None if der is None else await self._certificates.device(der)
            return await self._sessions.admit(
                upgrade, session_id, certified, devices_only=devices_only
            )
        except HubError as error:
            return _count(_refusal_of(error))

    def _admit_device(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        der = certificate_of(upgrade.header(CLIENT_CERT))
        if der is None:
            return self._in_turn(upgrade, None)
        try:
            certified = self._certificates.at_once(der)
        except HubError as error:
            return _count(_refusal_of(error))
        return self._in_turn(upgrade, certified) if certified else self._looked_up(upgrade, der)

    async def _looked_up(self, upgrade: Upgrade, der: bytes) -> Handler | Refusal:
        try:
            certified = await self._certificates.device(der)
        except HubError as error:
            return _count(_refusal_of(error))
        decided = self._in_turn(upgrade, certified)
        return await decided if isinstance(decided, Awaitable) else decided

    def _in_turn(
        self, upgrade: Upgrade, certified: Principal | None
    ) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        """A device's upgrade, decided at once or when its turn comes."""
        if self._turnstile.open():
            return self._turnstile.run(partial(self._devices.admit, upgrade, certified))
        decided: asyncio.Future[Handler | Refusal] = asyncio.get_running_loop().create_future()

        def decide() -> None:
            if not decided.done():
                decided.set_result(self._devices.admit(upgrade, certified))

        if self._turnstile.queue(decide):
            return decided
        seconds = random.randint(1, SPREAD_SECONDS)  # noqa: S311
        return _count(
            Refusal(
                503,
                ProblemCode.OVERLOADED,
                "too many connections are being opened",
                retry_after=seconds,
            )
        )

    async def _admit_dashboard(self, upgrade: Upgrade) -> Handler | Refusal:
        foreign = self._foreign(upgrade)
        if foreign is not None:
            return _count(foreign)
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

    def _foreign(self, upgrade: Upgrade) -> Refusal | None:
        """Why a page may not open it."""
        host, origin = upgrade.header("host") or "", upgrade.header("origin")
        if not self._site.knows(host, upgrade.local):
            return Refusal(421, ProblemCode.MISDIRECTED, misdirected(host).detail)
        if not (self._site.owns(origin, host) or self._site.allows(origin)):
            return Refusal(403, ProblemCode.FORBIDDEN, foreign_page(origin, host))
        return None


class DevicesOnly:
    """The gate of the device listener."""

    def __init__(self, gate: SocketGate) -> None:
        self._gate = gate

    def admit(self, upgrade: Upgrade) -> Handler | Refusal | Awaitable[Handler | Refusal]:
        return self._gate.admit_device(upgrade)


def _refusal_of(error: HubError) -> Refusal:
    return Refusal(
        PROBLEMS[error.code].status, error.code, error.detail, retry_after=error.retry_after
    )


def _count(refusal: Refusal) -> Refusal:
    metrics.refused_sockets.labels(str(refusal.status)).inc()
    return refusal
