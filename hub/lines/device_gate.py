"""What the sockets of devices share: whose a token is, how often a device may connect, and the
context of their sessions."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from msgspec import Struct

from hub.accounts.service import AccountService
from hub.base import metrics
from hub.base.errors import Unauthenticated
from hub.base.principal import Principal
from hub.base.turnstile import Turnstile
from hub.lines.budget import ConnectBudget
from hub.lines.pace import Rates
from hub.lines.service import LineService
from hub.lines.session import LineListener, LineSession, Renewal
from hub.lines.takers import Takers
from hub.telemetry.writer import TelemetryWriter
from protocol.closing import CloseCode
from protocol.frames import Hello
from protocol.ids import DeviceId


class DeviceSettings(Struct, frozen=True):
    rates: Rates
    query_tokens: bool
    certificate_required: bool
    """Whether a token alone opens no line."""


class CertificateEnds(Protocol):
    def has_ended(self, principal: Principal) -> bool:
        """Whether the certificate by which it came is good no more, as far as it is known here."""
        ...


class DeviceGate:
    """Everything that device sockets share; also the context of their sessions."""

    def __init__(
        self,
        accounts: AccountService,
        certificates: CertificateEnds,
        lines: LineService,
        telemetry: TelemetryWriter,
        listener: LineListener,
        takers: Takers,
        settings: DeviceSettings,
        *,
        turnstile: Turnstile,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._accounts = accounts
        self._certificates = certificates
        self.turnstile = turnstile
        self._budget = ConnectBudget()
        self.lines = lines
        self.listener = listener
        self.take = takers.take
        self.rates = settings.rates
        self.clock = clock
        self.wall_clock = wall_clock
        self.spawn = spawn
        self.telemetry = telemetry.put
        self.pressure = telemetry.pressure
        self.query_tokens = settings.query_tokens
        self.certificate_required = settings.certificate_required

    def wait_of(self, principal: Principal) -> float:
        """Seconds until this device may connect, 0.0 for now, which is counted."""
        return self._budget.take((principal.org, DeviceId(principal.subject)), self.clock())

    def identify(self, token: str) -> Principal | None:
        """The device of a token, None for a bad one."""
        try:
            return self._accounts.device_at_once(token)
        except Unauthenticated:
            return None

    def genuine(self, token: str) -> Principal | None:
        """The same, whether the token has ended or not: who shows such a one has lost a right, and
        no other token will help."""
        try:
            return self._accounts.signed_device(token)
        except Unauthenticated:
            return None

    def has_ended(self, principal: Principal) -> bool:
        """Whether the token or certificate has ended, as far as it is known here."""
        if principal.serial is not None:
            return self._certificates.has_ended(principal)
        return self._accounts.has_ended(principal)

    # LineContext of a session

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self.lines.said_hello(line, hello)
        self.listener.said_hello(line, hello)

    def renew(self, line: LineSession, token: str) -> Renewal | None:
        principal = self.identify(token)
        if principal is None:
            return None
        if line.serial is not None:
            return Renewal(principal.subject, line.version, line.expires_at)
        if principal.subject == line.device_id and principal.version != line.version:
            self.spawn(self._adopt(line, principal))
        return Renewal(principal.subject, principal.version, principal.expires_at)

    async def _adopt(self, line: LineSession, principal: Principal) -> None:
        if not await self._accounts.adopt(principal):
            line.close(CloseCode.FORBIDDEN)

    def counted_invalid(self) -> None:
        metrics.invalid_frames.labels("device").inc()

    def counted_quarantined(self) -> None:
        metrics.events_shed.labels("quarantined").inc()
