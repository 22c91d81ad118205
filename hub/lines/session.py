"""The hub's side of one line: what each frame of a device means. Pure but for the functions it is
given: `send` takes an encoded text frame, `close` a close code.

A session begins when the line is registered. `hello` may come once and only first; the first frame
settles whether the device keeps a journal, which is what a command in doubt waits for. Frames that
do not decode are answered and counted: the twentieth within a minute ends the line.

Once its device is in quarantine a line takes nothing more, for as long as it lasts: what the device
sends stays with the device, and comes again on the next line from the first that was not taken. So
a release ends the line; taking the next event on it would acknowledge those before.

What a frame means beyond the line (a reply, an event) is handed on; nothing here waits for a
database.
"""

import math
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol, assert_never

import msgspec
from msgspec import Struct

from hub.base.kept import TAKEN, Kept
from hub.lines.pace import TAKE, Pace, PaceVerdict, Rates
from protocol.closing import CloseCode
from protocol.codec import decode_device_frame, decode_durable_head, encode, rfc3339
from protocol.commands import UNNAMED_COMMANDS
from protocol.errors import FrameErrorCode, InvalidMessage
from protocol.frames import (
    DESIRED,
    TAKEN_BY_HUBS,
    Auth,
    AuthOk,
    Desired,
    Error,
    EventAck,
    Hello,
    Ping,
    Pong,
    Welcome,
    own_of,
    types_of,
    updates_itself,
)
from protocol.ids import CommandId, DeviceId, Generation, OrgId, ReplicaId
from protocol.own import OwnCommands
from protocol.telemetry import Telemetry, TelemetryBase, WorkloadStatus

MAX_INVALID: Final = 20
INVALID_WINDOW: Final = 60.0
TELL_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 10

_CLOSE: Final = PaceVerdict.CLOSE

OWN_FRAMES: Final = (Auth, Ping, Hello)
"""What a line takes itself."""


_NONE: Final = frozenset[str]()


@lru_cache(maxsize=1024)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """One set for all devices that say the same."""
    return names


class Renewal(Struct, frozen=True):
    """What a renewed token proves."""

    subject: str
    version: int
    expires_at: float


class LineListener(Protocol):
    """The floors above, which a line hands things to. Nothing here may block or raise."""

    def opened(self, line: "LineSession") -> None: ...
    def settled(self, line: "LineSession") -> None:
        """The first frame came: `hello` is known, or known not to come."""
        ...

    def said_hello(self, line: "LineSession", hello: Hello) -> None:
        """Comes before `settled`."""
        ...

    def too_large(self, line: "LineSession") -> None:
        """The device closes because a frame is too large for it. Comes before `closed`."""
        ...

    def closed(self, line: "LineSession") -> None: ...


class LineContext(Protocol):
    """What every session of a replica shares."""

    @property
    def rates(self) -> Rates: ...
    @property
    def listener(self) -> LineListener: ...
    def clock(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_clock(self) -> float:
        """Seconds since 1970."""
        ...

    def telemetry(self, line: "LineSession", message: Telemetry, /) -> Kept:
        """Take an event."""
        ...

    def take(self, line: "LineSession", frame: Any) -> None:
        """Hand a frame to the capability whose it is."""
        ...

    def said_hello(self, line: "LineSession", hello: Hello) -> None:
        """Note what the device says of itself, and tell the listener."""
        ...

    def renew(self, line: "LineSession", token: str) -> Renewal | None:
        """What a further token proves, None for a bad one. That earlier ones end is noted later;
        the line is closed when the token turns out to have ended."""
        ...

    def counted_invalid(self) -> None: ...
    def counted_quarantined(self) -> None:
        """Telemetry that nobody keeps."""
        ...


class LineSession:
    __slots__ = (
        "_boot_id",
        "_close",
        "_context",
        "_invalid",
        "_pace",
        "_send",
        "_settled",
        "_tell_metrics_from",
        "_told_too_fast",
        "accepts",
        "commands",
        "copy_head",
        "device_id",
        "expires_at",
        "generation",
        "installers",
        "journal_id",
        "kept",
        "max_frame",
        "org",
        "own",
        "quarantined",
        "quota",
        "replica_id",
        "sections",
        "serial",
        "session_id",
        "updates_itself",
        "version",
        "workloads",
    )

    def __init__(
        self,
        *,
        org: OrgId,
        device_id: DeviceId,
        session_id: str,
        generation: Generation,
        replica_id: ReplicaId,
        version: int,
        serial: str | None,
        expires_at: float,
        send: Callable[[bytes], None],
        close: Callable[[CloseCode], None],
        context: LineContext,
        max_frame: int | None = None,
        quarantined: bool = False,
    ) -> None:
        self.org = org
        self.device_id = device_id
        self.copy_head = f"{org}\t{device_id}".encode()
        self.session_id = session_id
        self.generation = generation
        self.replica_id = replica_id
        self.version = version
        """Of the token that it goes on with."""
        self.serial = serial
        """Of the certificate by which it was opened: then no token counts for it."""
        self.expires_at = expires_at
        self.journal_id: str | None = None
        self.kept = 0
        self.quota: Any = None  # of its device: only telemetry, a floor below, looks at it
        self.max_frame = max_frame
        self.quarantined = quarantined
        self.commands: frozenset[str] = UNNAMED_COMMANDS
        self.installers: frozenset[str] | None = None
        self.updates_itself = False
        self.accepts: tuple[str, ...] = ()
        self.sections: frozenset[str] = _NONE
        """Of desired state, that the device takes."""
        self.workloads: str | None = None
        """The version of its section that it has, or was handed over last."""
        self.own: OwnCommands | None = None
        self._send = send
        self._close = close
        self._context = context
        self._pace = Pace(context.rates, context.clock())
        self._invalid: deque[float] = deque(maxlen=MAX_INVALID)
        self._boot_id: str | None = None
        self._settled = False
        self._told_too_fast = False
        self._tell_metrics_from = -math.inf

    @property
    def settled(self) -> bool:
        return self._settled

    @property
    def boot_id(self) -> str | None:
        """Of the start of its agent, as `hello` said."""
        return self._boot_id

    def goes_by_ended(self, lowest: int) -> bool:
        """Whether its token has ended, when those below `lowest` have."""
        return self.serial is None and self.version < lowest

    # Down

    def welcome(self) -> None:
        self.send(
            encode(
                Welcome(
                    device_id=self.device_id,
                    session_id=self.session_id,
                    generation=self.generation,
                    replica_id=self.replica_id,
                    heartbeat_seconds=HEARTBEAT_SECONDS,
                    server_time=self._now(),
                    accepts=list(TAKEN_BY_HUBS),
                )
            )
        )
        if self.quarantined:
            self._tell_quarantined()

    def send(self, frame: bytes) -> None:
        """One encoded text frame."""
        self._send(frame)

    def close(self, code: CloseCode) -> None:
        self._close(code)

    def hand_over(self, kind: str, version: str, digest: str, *, report: bool = False) -> None:
        """A section of desired state is another than the device may have, or (`report`) it is to
        say what it has. One that does not take this section goes on without it, and one in
        quarantine."""
        if kind in self.sections and not self.quarantined:
            self._send(encode(Desired(kind=kind, version=version, hash=digest, report=report)))

    def quarantine(self) -> None:
        """From now on nothing is taken, which the device is told once."""
        if not self.quarantined:
            self.quarantined = True
            self._tell_quarantined()

    def _tell_quarantined(self) -> None:
        self.refuse(FrameErrorCode.QUARANTINED, "in quarantine: keep what must not be lost")

    def acknowledge(self, boot_id: str, seq: int) -> None:
        """Durable events of this start of the agent are committed up to `seq`."""
        self._send(encode(EventAck(boot_id=boot_id, seq=seq)))

    def refuse(
        self, code: FrameErrorCode, message: str, *, command_id: CommandId | None = None
    ) -> None:
        """Tell the device that its last frame was refused; the line stays."""
        self._send(
            encode(Error(code=code, message=message, command_id=command_id or msgspec.UNSET))
        )

    def refuse_frame(self, message: str) -> None:
        """The last frame decodes, and says what it may not: it counts like one that does not."""
        self._count_invalid()
        self.refuse(FrameErrorCode.INVALID_FRAME, message)

    # Up

    def text(self, raw: bytes) -> bool:
        """One text message of the device. False: read no more until the next second."""
        now = self._context.clock()
        verdict = self._pace.frame(len(raw), now)
        if verdict is _CLOSE:
            self._close(CloseCode.FLOODING)
            return True
        try:
            frame = decode_device_frame(raw)
        except InvalidMessage as error:
            self._refuse_invalid(raw, error)
            return True
        if isinstance(frame, TelemetryBase):  # first: nearly every frame is one
            if not self._settled:
                self._settle(None)
            return self._event(frame, verdict)
        self._told_too_fast = False
        self._other(frame)
        return True

    def binary(self) -> None:
        """A binary message: a bad frame, whatever it held."""
        self.refuse_frame("binary frames are not part of the protocol")

    def _other(self, frame: Any) -> None:
        match frame:
            case Hello():
                self._hello(frame)
            case Ping():
                self._settle(None)
                self._send(encode(Pong(server_time=self._now())))
            case Auth():
                self._renew(frame)
            case _:
                self._settle(None)
                if not self.quarantined:
                    self._context.take(self, frame)

    def _hello(self, hello: Hello) -> None:
        if self._settled:
            self.refuse_frame("hello comes once, before any other frame")
            return
        self._boot_id = hello.boot_id
        self.journal_id = hello.journal_id
        self.max_frame = hello.max_frame
        self.accepts = tuple(hello.accepts or ())
        if hello.sections and DESIRED in self.accepts:
            self.sections = _shared(frozenset(hello.sections))
        self.own = own_of(hello)
        types = types_of(hello)
        if types is not None:
            self.commands = _shared(frozenset(types))
        if hello.installers is not None:
            self.installers = _shared(frozenset(hello.installers))
        self.updates_itself = updates_itself(hello)
        self._settle(hello)

    def _settle(self, hello: Hello | None) -> None:
        if self._settled:
            return
        self._settled = True
        if hello is not None:
            self._context.said_hello(self, hello)
        self._context.listener.settled(self)

    def _event(self, event: Telemetry, verdict: PaceVerdict) -> bool:
        if self.quarantined:
            if event.seq is None:
                self._context.counted_quarantined()
            return verdict is TAKE
        if type(event) is WorkloadStatus and event.services is msgspec.UNSET:
            self._context.take(self, event)  # figures, and no event
            return verdict is TAKE
        if event.seq is not None and event.boot_id is None:
            if self._boot_id is None:
                self.refuse_frame("seq needs a bootId, here or in hello")
                return True
            event = msgspec.structs.replace(event, boot_id=self._boot_id)
        if verdict is not TAKE and event.seq is None:
            self._too_fast()
            return True
        kept = self._context.telemetry(self, event)
        if kept is TAKEN:
            return verdict is TAKE
        return self._not_simply_taken(kept) and verdict is TAKE

    def _not_simply_taken(self, kept: Kept) -> bool:
        """False: read no more until the next second."""
        match kept:
            case Kept.TAKEN:
                raise AssertionError("that was simply taken")
            case Kept.REFUSED:
                self._close(CloseCode.TRY_LATER)
            case Kept.FULL:
                self._too_fast("the day's share of this device is stored: the rest is shed")
            case Kept.SLOWED:
                return False
            case Kept.TOO_MANY_STARTS:
                self._too_fast("too many bootIds: events of new ones wait for another line")
            case Kept.TOO_MANY_METRICS:
                self._too_many_metrics()
            case _:
                assert_never(kept)
        return True

    def _too_fast(self, why: str = "telemetry without seq is shed: slow down") -> None:
        if not self._told_too_fast:
            self._told_too_fast = True
            self.refuse(FrameErrorCode.TOO_FAST, why)

    def _too_many_metrics(self) -> None:
        """Once in a while: a device sends its heartbeat for years."""
        now = self._context.clock()
        if now >= self._tell_metrics_from:
            self._tell_metrics_from = now + TELL_SECONDS
            self.refuse(
                FrameErrorCode.TOO_MANY_METRICS,
                "too many names of metrics: new ones are not kept",
            )

    def _renew(self, auth: Auth) -> None:
        renewal = self._context.renew(self, auth.token)
        if renewal is None or renewal.subject != self.device_id:
            self._close(CloseCode.NOT_AUTHENTICATED)
            return
        self.version = renewal.version
        self.expires_at = renewal.expires_at
        moment = datetime.fromtimestamp(renewal.expires_at, UTC)
        self._send(encode(AuthOk(expires_at=rfc3339(moment))))

    def _refuse_invalid(self, raw: bytes, error: InvalidMessage) -> None:
        self._count_invalid()
        # What is named counts as acknowledged, and all before it.
        head = None if self.quarantined else decode_durable_head(raw)
        boot_id = (head.boot_id or self._boot_id) if head else None
        where = f"{error.field}: " if error.field else ""
        self._send(
            encode(
                Error(
                    code=FrameErrorCode.INVALID_FRAME,
                    message=where + error.message,
                    boot_id=boot_id or msgspec.UNSET,
                    seq=head.seq if head and boot_id else msgspec.UNSET,
                )
            )
        )

    def _count_invalid(self) -> None:
        now = self._context.clock()
        self._context.counted_invalid()
        self._invalid.append(now)
        if len(self._invalid) == MAX_INVALID and now - self._invalid[0] <= INVALID_WINDOW:
            self._close(CloseCode.BAD_FRAMES)

    def _now(self) -> str:
        return rfc3339(datetime.fromtimestamp(self._context.wall_clock(), UTC))
