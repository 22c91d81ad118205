"""`/ws/device`: a socket on its way to being a line, and then the shell round its session.

A socket authenticates (by header, first frame or query, in this order of preference), is registered
in Postgres, gets its welcome, and from then on feeds its session. What arrives while it is being
registered waits, with reading paused; so does what comes while too many rows wait (promise G21).
"""

import asyncio
import math
import random
from functools import partial
from typing import Final
from urllib.parse import parse_qs

import structlog

from hub.accounts.tokens import CERTIFICATE_MISSING, OTHERS_TOKEN, REFUSAL
from hub.base import metrics
from hub.base.errors import HubError
from hub.base.principal import Principal, is_same_device
from hub.lines.device_gate import DeviceGate
from hub.lines.session import LineSession
from hub.lines.store import Opening
from hub.socket.connection import ABNORMAL
from hub.socket.handler import Handler, Socket
from hub.socket.handshake import Refusal, Upgrade
from protocol.closing import CloseCode
from protocol.codec import decode_device_frame
from protocol.errors import InvalidMessage, ProblemCode
from protocol.frames import Auth
from protocol.ids import DeviceId, uuid7

log = structlog.get_logger(__name__)

AUTHENTICATION_SECONDS: Final = 5.0
FIRST_MESSAGE: Final = 4 * 1024
MAX_MESSAGE: Final = 64 * 1024
AGAIN_SECONDS: Final = 30
"""Over this many seconds those who came too often are spread."""
SLOW_SECONDS: Final = 1.0
"""How long a flooding device is not read."""


class LineEndpoint:
    def __init__(self, gate: DeviceGate) -> None:
        self._gate = gate

    def admit(self, upgrade: Upgrade, certified: Principal | None) -> Handler | Refusal:
        """The first credential decides: a bad one is refused even when another is good. Whom a
        certificate names (`certified`) has authenticated; a token beside it must be his."""
        if certified is None and self._gate.certificate_required:
            return _refuse(_CERTIFICATE_MISSING)
        header = upgrade.header("authorization")
        query = parse_qs(upgrade.query, keep_blank_values=True).get("token")
        if header is None and query is None:
            return self._turn(certified) if certified else DeviceSocket(self._gate, None)
        scheme, _, token = (header or "").partition(" ")
        if header is None:
            # A query token is only looked at when nobody may come with a better one: a first
            # frame would be preferred, but a device that names a token here sends none.
            scheme, token = "bearer", (query or [""])[0] if self._gate.query_tokens else ""
        principal = self._gate.identify(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            return _refuse(Refusal(401, ProblemCode.UNAUTHENTICATED, REFUSAL))
        if certified is None:
            return self._turn(principal)
        if not is_same_device(certified, principal):
            return _refuse(_OTHERS_TOKEN)
        return self._turn(certified)

    def _turn(self, principal: Principal) -> Handler | Refusal:
        wait = self._gate.wait_of(principal)
        if wait:
            return _refuse(_too_often(wait))
        return DeviceSocket(self._gate, principal)


class DeviceSocket:
    """The `Handler` of one connection."""

    __slots__ = (
        "_connection",
        "_crowded",
        "_deadline",
        "_early",
        "_gate",
        "_gone",
        "_held",
        "_principal",
        "_session",
        "_slowed",
    )

    def __init__(self, gate: DeviceGate, principal: Principal | None) -> None:
        self._gate = gate
        self._principal = principal
        self._connection: Socket
        self._session: LineSession | None = None
        self._early: list[bytes] | None = None
        """What came while the line is being registered."""
        self._held: list[bytes] | None = None
        """What came after this process had stood still, until it is known which lines count; or
        while too many rows wait, until its turn comes."""
        self._crowded = False
        """Whether it is held for the second reason."""
        self._slowed = False
        """Whether it is not read for `SLOW_SECONDS`."""
        self._deadline: asyncio.TimerHandle | None = None
        self._gone = False

    def opened(self, connection: Socket) -> None:
        self._connection = connection
        if self._principal is not None:
            self._hold_back()
            self._authenticated(self._principal)
            return
        connection.max_message = FIRST_MESSAGE
        self._deadline = asyncio.get_running_loop().call_later(
            AUTHENTICATION_SECONDS, connection.close, CloseCode.NO_PROGRESS
        )

    def text(self, message: bytes) -> None:
        if self._session is not None:
            gate = self._gate
            if self._held is not None:
                self._held.append(message)
            elif gate.clock() > gate.lines.stall.takes_until and gate.lines.stalled():
                self._hold(message)
                gate.lines.hold(self._go_on)
            elif gate.pressure.full:
                self._hold(message)
                self._crowded = True
                gate.pressure.wait(self._go_on)
            elif not self._session.text(message):
                self._slow_down()
        elif self._early is not None:
            self._early.append(message)
        else:
            self._first_frame(message)

    def binary(self, _: bytes) -> None:
        if self._session is not None:
            self._session.binary()
        elif self._early is None:
            self._connection.close(CloseCode.NOT_AUTHENTICATED)

    def drained(self) -> None:
        pass

    def closed(self, code: int) -> None:
        self._gone = True
        self._cancel_deadline()
        if self._crowded and not self._gate.lines.stalled():
            self._take_held()
        session, self._session = self._session, None
        if session is not None:
            self._gate.lines.closed(session, code)
            if self._connection.peer_code == CloseCode.TOO_BIG:
                self._gate.listener.too_large(session)
            self._gate.listener.closed(session)

    def _hold(self, message: bytes) -> None:
        self._held = [message]
        self._connection.pause_reading()

    def _go_on(self) -> None:
        """Superseded lines are closed: what they sent counts for nothing."""
        if self._session is None:
            metrics.events_shed.labels("superseded").inc(len(self._held or []))
            self._held = None
            return
        self._crowded = False
        held, self._held = self._held or [], None
        for message in held:
            self.text(message)
        self._resume()

    def _take_held(self) -> None:
        """The line ends before its turn came: what it had sent was read, and counts."""
        self._crowded = False
        held, self._held = self._held or [], None
        for message in held:
            if self._session is not None:
                self._session.text(message)

    def _resume(self) -> None:
        if self._held is None and not self._slowed:
            self._connection.resume_reading()

    def _first_frame(self, message: bytes) -> None:
        try:
            frame = decode_device_frame(message)
        except InvalidMessage:
            frame = None
        if not isinstance(frame, Auth):
            self._connection.close(CloseCode.NOT_AUTHENTICATED)
            return
        self._hold_back()
        if not self._gate.turnstile.queue(partial(self._identify, frame.token)):
            self._connection.close(CloseCode.TRY_LATER)

    def _identify(self, token: str) -> None:
        principal = None if self._gone else self._gate.genuine(token)
        if principal is None:
            self._connection.close(CloseCode.NOT_AUTHENTICATED)
        elif self._gate.has_ended(principal):
            self._connection.close(CloseCode.FORBIDDEN)
        elif self._gate.wait_of(principal):
            self._connection.close(CloseCode.FLOODING)
        else:
            self._authenticated(principal)

    def _hold_back(self) -> None:
        """What comes from now on waits until the line is registered."""
        self._cancel_deadline()
        self._early = []
        self._connection.pause_reading()

    def _authenticated(self, principal: Principal) -> None:
        self._principal = principal
        self._connection.max_message = MAX_MESSAGE
        self._gate.spawn(self._register(principal))

    async def _register(self, principal: Principal) -> None:
        opening = Opening(
            principal.org,
            DeviceId(principal.subject),
            uuid7(),
            principal.version,
            principal.serial,
        )
        stalls = self._gate.lines.stalls()
        try:
            registered = await self._gate.lines.register(opening)
        except HubError as error:
            log.warning("line_not_registered", device_id=opening.device_id, error=error.detail)
            self._connection.close(CloseCode.TRY_LATER)
            return
        if registered is None or self._gate.has_ended(principal):
            self._connection.close(CloseCode.FORBIDDEN)
            return
        session = LineSession(
            org=opening.org,
            device_id=opening.device_id,
            session_id=opening.session_id,
            generation=registered.generation,
            max_frame=registered.max_frame,
            quarantined=registered.quarantined,
            replica_id=self._gate.lines.replica_id,
            version=principal.version,
            serial=principal.serial,
            expires_at=principal.expires_at,
            send=self._connection.send,
            close=self._connection.close,
            context=self._gate,
        )
        self._begin(session, stalls)

    def _begin(self, session: LineSession, stalls: int) -> None:
        """The line exists: welcome it, hand it to the floors above, then what came early. When this
        process stood still since it was registered, the device may have a newer one by now."""
        if self._gate.lines.stalls() != stalls:
            self._connection.close(CloseCode.TRY_LATER)
            self._gone = True
        if self._gone:
            self._gate.lines.closed(session, ABNORMAL)
            return
        if not self._gate.lines.opened(session):
            self._connection.close(CloseCode.SUPERSEDED)
            return
        self._session = session
        session.welcome()
        early, self._early = self._early or [], None
        self._gate.listener.opened(session)
        for message in early:
            self.text(message)
        self._resume()

    def _slow_down(self) -> None:
        """Once for all that was read with it."""
        if not self._slowed:
            self._slowed = True
            self._connection.pause_reading()
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._slowed_enough)

    def _slowed_enough(self) -> None:
        self._slowed = False
        self._resume()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


_CERTIFICATE_MISSING: Final = Refusal(403, ProblemCode.CERTIFICATE_REQUIRED, CERTIFICATE_MISSING)
_OTHERS_TOKEN: Final = Refusal(401, ProblemCode.UNAUTHENTICATED, OTHERS_TOKEN)


def _too_often(wait: float) -> Refusal:
    seconds = math.ceil(wait) + random.randint(0, AGAIN_SECONDS)  # noqa: S311
    return Refusal(
        429, ProblemCode.TOO_MANY_REQUESTS, "the device connects too often", retry_after=seconds
    )


def _refuse(refusal: Refusal) -> Refusal:
    metrics.refused_sockets.labels(str(refusal.status)).inc()
    return refusal
