"""The socket of one side: `/ws/sessions/<id>`.

Who it is shows on the upgrade, or in an `auth` frame within five seconds. From then on binary
messages are handed to the pair, and what comes of the pair is written.
"""

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from hub.base.errors import (
    Conflict,
    Forbidden,
    HubError,
    Invalid,
    NotFound,
    Unauthenticated,
)
from hub.base.principal import Principal
from hub.sessions.channels import Which, is_info
from hub.sessions.ending import CODES, EndReason
from hub.sessions.pair import Pair
from hub.sessions.records import ByteSessionRow, ConnectionRow
from hub.socket.handler import Socket
from protocol.closing import CloseCode
from protocol.codec import decode_device_frame
from protocol.errors import InvalidMessage
from protocol.frames import Auth
from protocol.sessions import LONGEST_MESSAGE

if TYPE_CHECKING:
    from hub.sessions.admission import SessionGate

log = structlog.get_logger(__name__)

AUTH_SECONDS: Final = 5.0
FINISH_LOOK: Final = 0.02
FINISH_LOOKS: Final = 500
"""Ten seconds for what was sent to be taken."""
_POLICY: Final = (NotFound, Forbidden, Conflict, Invalid)


class SideClaim(NamedTuple):
    """A side that is this socket's."""

    row: ByteSessionRow
    connection: ConnectionRow
    which: Which
    by: Principal


def code_of(error: HubError) -> CloseCode:
    """How a refusal is said after an `auth` frame."""
    if isinstance(error, Unauthenticated):
        return CloseCode.NOT_AUTHENTICATED
    return CloseCode.POLICY if isinstance(error, _POLICY) else CloseCode.TRY_LATER


class SessionSocket:
    """`claim` is None for one that has yet to say who it is. `info` is kept from a client that
    knows Kubernetes' channels only."""

    is_here = True

    def __init__(
        self,
        gate: "SessionGate",
        session_id: str,
        name: str,
        claim: SideClaim | None,
        *,
        takes_info: bool,
        devices_only: bool,
    ) -> None:
        self._gate = gate
        self._session_id = session_id
        self._name = name
        self._claim = claim
        self._takes_info = takes_info
        self._devices_only = devices_only
        self._pair: Pair | None = None
        self._early: list[bytes] | None = None
        """Messages that came while it is looked up who this is."""
        self._deadline: asyncio.TimerHandle | None = None
        self._looks = 0
        self._gone = False
        self._over = False

    # For the connection

    def opened(self, connection: Socket) -> None:
        self._connection = connection
        connection.take_binary()
        connection.be_patient()
        if self._claim is not None:
            self._join(self._claim)
            return
        self._deadline = asyncio.get_running_loop().call_later(
            AUTH_SECONDS, connection.close, CloseCode.NO_PROGRESS
        )

    def text(self, message: bytes) -> None:
        token = _token_in(message)
        if self._claim is None and self._early is None:
            self._first(token)
        elif token is None:
            self._connection.close(CloseCode.BAD_FRAMES)

    def binary(self, message: bytes) -> None:
        if self._pair is not None and self._claim is not None:
            self._pair.received(self._claim.which, message)
        elif self._early is not None:
            self._early.append(message)
        else:
            self._connection.close(CloseCode.NOT_AUTHENTICATED)

    def drained(self) -> None:
        if self._pair is not None and self._claim is not None:
            self._pair.drained(self._claim.which)

    def closed(self, code: int) -> None:
        self._gone = True
        if self._deadline is not None:
            self._deadline.cancel()
        claim, self._claim = self._claim, None
        if claim is not None and self._pair is not None and not self._over:
            self._gate.left(claim, code)

    # Who it is

    @property
    def has_joined(self) -> bool:
        return self._pair is not None

    def _first(self, token: str | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if token is None:
            self._connection.close(CloseCode.NOT_AUTHENTICATED)
            return
        self._early = []
        self._connection.pause_reading()
        self._gate.spawn(self._identify(token))

    async def _identify(self, token: str) -> None:
        try:
            claim = await self._gate.claim(
                token, self._session_id, self._name, devices_only=self._devices_only
            )
        except HubError as error:
            self._connection.close(code_of(error), error.detail)
            return
        if self._gone:
            self._gate.never_opened(claim)
            return
        self._claim = claim
        self._join(claim)

    def _join(self, claim: SideClaim) -> None:
        self._connection.max_message = LONGEST_MESSAGE
        self._pair = self._gate.join(claim, self)
        early, self._early = self._early or [], None
        for message in early:
            self._pair.received(claim.which, message)
        self._connection.resume_reading()

    # For the pair

    def send(self, message: bytes) -> None:
        if self._takes_info or not is_info(message):
            self._connection.send_binary(message)

    def backlog(self) -> int:
        return self._connection.buffered()

    def hold(self) -> None:
        self._connection.pause_reading()

    def release(self) -> None:
        self._connection.resume_reading()

    def finish(self, reason: EndReason) -> None:
        if self._over or self._claim is None:
            return
        self._over = True
        codes = CODES[reason]
        code = codes.person if self._claim.which == "person" else codes.device
        if codes.after_data:
            self._close_when_sent(code, reason)
        else:
            self._connection.close(code, reason)

    def _close_when_sent(self, code: CloseCode, reason: EndReason) -> None:
        """A close frame must be answered soon, so it waits for what is before it."""
        self._looks += 1
        if self._connection.buffered() and self._looks < FINISH_LOOKS:
            later = asyncio.get_running_loop().call_later
            later(FINISH_LOOK, self._close_when_sent, code, reason)
        else:
            self._connection.close(code, reason)


def _token_in(message: bytes) -> str | None:
    try:
        frame = decode_device_frame(message)
    except InvalidMessage:
        return None
    return frame.token if isinstance(frame, Auth) else None
