"""Carries what one replica has of a session to the replica that has the other side.

Messages go through Redis on connections of their own, so that hints and the stream never wait
behind them. Pub/sub loses without a word; so what is published has a number, and each replica
sends itself a beat every second: when beats stay out, whatever goes through the relay ends.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal, NoReturn

import msgspec
import structlog
from msgspec import Struct

from hub.base.bus import Bus
from hub.sessions.channels import Which
from hub.sessions.ending import CODES, EndReason
from hub.sessions.flow import ReceiveWindow, SendWindow
from hub.sessions.records import SessionKey
from protocol.ids import OrgId, ReplicaId

log = structlog.get_logger(__name__)

BEAT_SECONDS: Final = 1.0
LOST_SECONDS: Final = 3.0
"""Without a beat."""
SLOW_SECONDS: Final = 1.0
"""A beat that is under way for longer: nothing new is relayed."""
FINISH_SECONDS: Final = 30.0
"""For what was sent before the end to be taken."""


def channel_of(replica_id: ReplicaId) -> str:
    return f"longline:relay:{replica_id}"


class RelayMessage(Struct, frozen=True, array_like=True, omit_defaults=True):
    kind: Literal["hello", "data", "credit", "end", "beat"]
    sender: ReplicaId
    org: OrgId = OrgId("")
    session_id: str = ""
    name: str = ""
    which: Which = "person"
    """Which side the sender has."""
    number: int = 0
    """Of `data` and `end`; of `credit`, how much was passed on in all."""
    messages: list[bytes] = []
    reason: str = ""


class RelayRoute(Struct, frozen=True):
    """One connection, seen from here: which side is elsewhere, and where."""

    key: SessionKey
    name: str
    which: Which
    replica_id: ReplicaId


Place = tuple[SessionKey, str, Which]


class RelayedEnd:
    """The side of a pair that another replica has."""

    is_here = False

    def __init__(
        self,
        relay: "Relay",
        route: RelayRoute,
        *,
        received: Callable[[Which, bytes], None],
        drained: Callable[[Which], None],
        ended: Callable[[EndReason], None],
    ) -> None:
        """`ended`: the other replica has ended the pair, or what comes from it has a hole."""
        self._relay = relay
        self.route = route
        self._received = received
        self._drained = drained
        self._tell_ended = ended
        self._out = SendWindow()
        self._in = ReceiveWindow()
        self._held = False
        self._flushing = False
        self._finish: EndReason | None = None
        self._over = False

    # As the end of a pair

    def send(self, message: bytes) -> None:
        self._out.put(message)
        self._flush_soon()

    def backlog(self) -> int:
        return self._out.waiting

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False
        self._give_credit()

    def finish(self, reason: EndReason) -> None:
        self._finish = reason
        if CODES[reason].after_data:
            self._relay.later(FINISH_SECONDS, self._give_up)
            self._flush()
        else:
            self._say_end()

    # The relay

    def hello(self) -> None:
        self._relay.publish(self.route, "hello")

    def arrived(self, message: RelayMessage) -> None:
        if self._over:
            return
        match message.kind:
            case "credit":
                self._out.credit(message.number)
                self._flush()
                if self._out.waiting == 0 and self._finish is None:
                    self._drained(self.route.which)
            case "data" if self._finish is None:
                self._take(message)
            case "end":
                self._ended(message)
            case _:
                pass

    def _take(self, message: RelayMessage) -> None:
        if not self._in.takes(message.number, message.messages):
            log.warning("relay_gap", session_id=self.route.key.id, number=message.number)
            self._tell_ended(EndReason.RELAY_GAP)
            return
        for each in message.messages:
            self._received(self.route.which, each)
        self._give_credit()

    def _ended(self, message: RelayMessage) -> None:
        reason = EndReason(message.reason)
        whole = self._in.takes(message.number, [])
        self.forget()
        if CODES[reason].after_data and not whole:
            reason = EndReason.RELAY_GAP
        self._tell_ended(reason)

    def _give_credit(self) -> None:
        if self._held or self._over:
            return
        total = self._in.credit()
        if total is not None:
            self._relay.publish(self.route, "credit", number=total)

    def _flush_soon(self) -> None:
        """Once a turn: what has come together is published together."""
        if not self._flushing:
            self._flushing = True
            self._relay.soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._over:
            return
        while messages := self._out.take():
            self._relay.publish(self.route, "data", number=self._out.number, messages=messages)
        if self._finish is not None and not self._out:
            self._say_end()

    def _give_up(self) -> None:
        """What was sent before the end is not taken: the other side hears that it is missing."""
        if not self._over:
            self._finish = EndReason.RELAY_GAP
            self._say_end()

    def _say_end(self) -> None:
        reason = self._finish or EndReason.CLOSED
        self._relay.publish(self.route, "end", number=self._out.number + 1, reason=reason)
        self.forget()

    def forget(self) -> None:
        self._over = True
        self._relay.forget(self)


class Relay:
    """`arrived` is told of a message whose pair has no such end here yet; `lost`, that nothing
    goes through any more. The bus is of its own."""

    def __init__(
        self,
        bus: Bus,
        replica_id: ReplicaId,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self.replica_id = replica_id
        self._clock = clock
        self._ends: dict[Place, RelayedEnd] = {}
        self._decoder = msgspec.msgpack.Decoder(RelayMessage)
        self._encoder = msgspec.msgpack.Encoder()
        self._heard: float | None = None
        self._delay = 0.0
        """Of the last beat, under way."""
        self._subscribed = False
        self.arrived: Callable[[RelayMessage], None] = lambda _: None
        self.lost: Callable[[], None] = lambda: None

    # For the sessions

    def is_well(self) -> bool:
        """Whether something new may go through it."""
        if self._heard is None:
            return False
        silent = self._clock() - self._heard
        return silent < BEAT_SECONDS + SLOW_SECONDS and self._delay < SLOW_SECONDS

    def add(self, end: RelayedEnd) -> None:
        route = end.route
        self._ends[route.key, route.name, route.which] = end

    def forget(self, end: RelayedEnd) -> None:
        route = end.route
        self._ends.pop((route.key, route.name, route.which), None)

    def __len__(self) -> int:
        return len(self._ends)

    def publish(
        self,
        route: RelayRoute,
        kind: Literal["hello", "data", "credit", "end"],
        *,
        number: int = 0,
        messages: list[bytes] | None = None,
        reason: str = "",
    ) -> None:
        mine: Which = "device" if route.which == "person" else "person"
        message = RelayMessage(
            kind=kind,
            sender=self.replica_id,
            org=route.key.org,
            session_id=route.key.id,
            name=route.name,
            which=mine,
            number=number,
            messages=messages or [],
            reason=reason,
        )
        self._bus.publish(channel_of(route.replica_id), self._encoder.encode(message))

    def soon(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, call)

    # The bus

    async def run(self) -> NoReturn:
        """For ever."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._bus.run())
                tasks.create_task(self._bus.subscribe([channel_of(self.replica_id)], self))
                tasks.create_task(self._beat())
        finally:
            await self._bus.close()
        raise AssertionError("they run for ever")

    async def _beat(self) -> NoReturn:
        while True:
            sent = int(self._clock() * 1000)
            beat = RelayMessage(kind="beat", sender=self.replica_id, number=sent)
            self._bus.publish(channel_of(self.replica_id), self._encoder.encode(beat))
            await asyncio.sleep(BEAT_SECONDS)
            if self._heard is not None and self._clock() - self._heard > LOST_SECONDS:
                self._lose()

    def _lose(self) -> None:
        self._heard = None
        if self._ends:
            log.warning("relay_lost", ends=len(self._ends))
            self.lost()

    def hint(self, channel: str, payload: bytes) -> None:
        try:
            message = self._decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError):
            log.warning("relay_not_understood", channel=channel)
            return
        if message.kind == "beat":
            self._heard = self._clock()
            self._delay = self._heard - message.number / 1000
            return
        place = (SessionKey(message.org, message.session_id), message.name, message.which)
        end = self._ends.get(place)
        if end is None:
            self.arrived(message)
        else:
            end.arrived(message)

    def resubscribed(self) -> None:
        """Messages may have been lost, unless it is for the first time."""
        if self._subscribed:
            self._lose()
        self._subscribed = True
