"""Keeps a line to the hub: a token, a connection, a session on it, and the wait before the next.

Decides nothing: `device.line.reconnect` says when to come back, `device.line.session` what to say.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from cloud.outward import WayOut
from device.base.errors import HubUnreachable, JournalUnavailable, TurnedAway
from device.commands.book import Book, BookEffect, Run, Send, Stop, WriteJournal
from device.events.outbox import EventKey
from device.line.certificate import is_alert, is_refusal
from device.line.hub_clock import HubClock
from device.line.line import Line, connect
from device.line.reconnect import NextAttempt, ReconnectPolicy
from device.line.session import (
    Authorised,
    Complained,
    EventRefused,
    EventsAcknowledged,
    HandedOver,
    LineDead,
    Opened,
    PauseRequested,
    PingHub,
    Session,
    SessionAsked,
    SessionEffect,
)
from protocol.frames import Desired, Hello, SessionConnect, SessionOpen

_log = structlog.stdlib.get_logger()

UNAUTHORISED: Final = 401


def device_url(hub: str) -> str:
    """The device socket of the hub at `hub` (http or https)."""
    return "ws" + hub.removeprefix("http").rstrip("/") + "/ws/device"


class Tokens(Protocol):
    async def token(self) -> str: ...
    async def replace(self) -> None: ...


class Certificate(Protocol):
    async def ready(self) -> None: ...
    def refused(self) -> None: ...
    def opened(self) -> None: ...


class NoCertificate:
    """A device that shows its token alone."""

    async def ready(self) -> None:
        pass

    def refused(self) -> None:
        pass

    def opened(self) -> None:
        pass


class Effects(Protocol):
    async def put(self, effects: Iterable[BookEffect]) -> None: ...


class Events(Protocol):
    def rewind(self) -> None: ...
    async def acknowledge(self, boot_id: str, seq: int) -> None: ...
    async def refuse(self, key: EventKey) -> None: ...


class Attachable(Protocol):
    def attach(self, line: Line, session: Session) -> None: ...
    def detach(self) -> None: ...


class Connection:
    """What it needs of an agent are four small interfaces, so that the simulator has it too."""

    def __init__(
        self,
        *,
        hub: str,
        way_out: WayOut,
        agent: str,
        tokens: Tokens,
        certificate: Certificate | None = None,
        book: Book,
        hub_clock: HubClock,
        hello: Callable[[], Hello],
        uplink: Attachable,
        events: Events,
        effects: Effects,
        opened: Callable[[], None],
        handed_over: Callable[[Desired], None] = lambda _: None,
        session_asked: Callable[[SessionOpen | SessionConnect], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._url = device_url(hub)
        self._way_out = way_out
        self._agent = agent
        self._tokens = tokens
        self._certificate = certificate or NoCertificate()
        self._book = book
        self._hub_clock = hub_clock
        self._hello = hello
        self._uplink = uplink
        self._events = events
        self._effects = effects
        self._opened = opened
        self._handed_over = handed_over
        self._session_asked = session_asked
        self._clock = clock
        self._reconnect = ReconnectPolicy(draw)

    async def run(self) -> None:
        """Until the hub turns it away, which raises `TurnedAway`; it can be run again after that.
        Raises what a first enrolment raises."""
        while True:
            step = await self._attempt()
            if not step.come_back:
                raise TurnedAway(step.wait_seconds)
            _log.info("no_line", retry_in=round(step.wait_seconds, 1))
            await asyncio.sleep(step.wait_seconds)
            if step.new_token:
                await self._new_token()

    async def _new_token(self) -> None:
        try:
            await self._tokens.replace()
        except HubUnreachable as error:
            _log.warning("no_new_token", reason=error.message)
            self._reconnect.wished(error.retry_after)

    async def _attempt(self) -> NextAttempt:
        try:
            token = await self._tokens.token()
            await self._certificate.ready()
            connection = await connect(self._url, token, agent=self._agent, way_out=self._way_out)
        except HubUnreachable as error:
            return self._refused(error.message, wish=error.retry_after)
        except InvalidStatus as error:
            return self._bad_status(error)
        except (OSError, TimeoutError, InvalidHandshake, InvalidMessage) as error:
            if is_alert(error):
                self._certificate.refused()
            return self._refused(str(error) or type(error).__name__)
        code = await self._serve(Line(connection))
        _log.info("line_ended", code=code)
        return self._reconnect.ended(self._clock(), code)

    def _bad_status(self, error: InvalidStatus) -> NextAttempt:
        status = error.response.status_code
        by_certificate = is_refusal(status, bytes(error.response.body or b""))
        if by_certificate:
            self._certificate.refused()
        wish = error.response.headers.get("Retry-After", "")
        place = error.response.headers.get("Location")
        return self._refused(
            f"the hub answered {status}" + (f" and names {place[:200]}" if place else ""),
            wish=float(wish) if wish.isdecimal() else 0.0,
            new_token=status == UNAUTHORISED and not by_certificate,
        )

    def _refused(self, reason: str, *, wish: float = 0.0, new_token: bool = False) -> NextAttempt:
        _log.warning("cannot_connect", reason=reason)
        return self._reconnect.refused(self._clock(), wish=wish, new_token=new_token)

    async def _serve(self, line: Line) -> int:
        session = Session(
            send=line.send,
            book=self._book,
            clock=self._hub_clock,
            hello=self._hello,
            now=self._clock(),
        )

        async def receive(raw: bytes | str) -> None:
            await self._carry_out(session.receive(raw, self._clock()), line, session)

        async def tick() -> None:
            await self._carry_out(session.tick(self._clock()), line, session)

        try:
            return await line.run(receive=receive, tick=tick)
        finally:
            self._uplink.detach()

    async def _carry_out(  # noqa: C901
        self, effects: list[SessionEffect], line: Line, session: Session
    ) -> None:
        for effect in effects:
            match effect:
                case WriteJournal() | Send() | Run() | Stop():
                    await self._effects.put([effect])
                case Opened():
                    self._open(effect, line, session)
                case EventsAcknowledged() | EventRefused():
                    await self._settle(effect)
                case PingHub():
                    await line.ping(session.heard)
                case LineDead():
                    _log.warning("hub_silent")
                    line.abort()
                case HandedOver(desired=desired):
                    self._handed_over(desired)
                case SessionAsked(frame=frame):
                    self._session_asked(frame)
                case PauseRequested(seconds=seconds):
                    self._reconnect.wished(seconds)
                case Authorised(expires_at=expires_at):
                    _log.info("token_renewed_on_the_line", expires_at=expires_at)
                case Complained(code=code, message=message):
                    _log.warning("hub_complained", code=code, reason=message)

    def _open(self, opened: Opened, line: Line, session: Session) -> None:
        welcome = opened.welcome
        _log.info("line_open", session=welcome.session_id, generation=welcome.generation)
        self._reconnect.opened(self._clock())
        self._uplink.attach(line, session)
        self._certificate.opened()
        self._events.rewind()
        self._opened()

    async def _settle(self, effect: EventsAcknowledged | EventRefused) -> None:
        try:
            if isinstance(effect, EventsAcknowledged):
                await self._events.acknowledge(effect.boot_id, effect.seq)
            else:
                _log.error("event_refused", seq=effect.seq, reason=effect.message)
                await self._events.refuse(EventKey(effect.boot_id, effect.seq))
        except JournalUnavailable as error:
            # They stay on disk, are sent once more after the next start, and are then known.
            _log.error("outbox_not_written", reason=str(error))
