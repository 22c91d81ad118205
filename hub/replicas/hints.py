"""Hints between replicas: small messages that may be lost. Each has a backstop that finds out.

Each replica listens on a channel of its own and on the common one. What is hinted in one turn of
the loop goes out as one message a replica, however many devices it is about.

hint     says                                      goes to                     floor
taken    a device has a newer line: close yours    whose line was superseded   a note in Postgres
send     look into the ledger for this device      whose line it is            the sweep
cancel   ask the device to stop this command       whose line it is            the sweep
ended    a caller may wait for this command        who accepted it             the sweep
groups   members of this group changed             all                         a look every 30 s
desired  another state of this device is desired   all                         a look every 2 s
quarantine a device came into quarantine, or out   all                         a look every second
session  a device is to be asked for a session     all                         a look every second

What was taken of the limits of requests goes to all on a channel of its own (`hub/web/limits.py`);
nothing finds out what is lost of it, and somebody may have a little more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, Protocol

import msgspec
import structlog
from msgspec import Struct

from hub.commands.service import CommandService
from hub.desired.service import DesiredService
from hub.lines.service import LineService
from hub.lines.store import LineRef
from hub.sessions.asking import SessionAsking
from hub.web.limits import CHANNEL
from protocol.ids import CommandId, DeviceId, DeviceKey, Generation, OrgId, ReplicaId

log = structlog.get_logger(__name__)

COMMON: Final = "longline:hints"
MOST_IN_ONE: Final = 10_000


def channel_of(replica_id: ReplicaId) -> str:
    return f"{COMMON}:{replica_id}"


def channels_for(replica_id: ReplicaId) -> list[str]:
    """Where a replica listens."""
    return [COMMON, CHANNEL, channel_of(replica_id)]


class Hint(Struct, frozen=True, array_like=True, omit_defaults=True):
    kind: Literal["taken", "send", "cancel", "ended", "groups", "desired", "quarantine", "session"]
    org: OrgId
    subject: str = ""
    """A device (`taken`, `send`, `desired`, `quarantine`, `session`), a command (`cancel`, `ended`)
    or a group."""
    generation: int = 0


class Publisher(Protocol):
    def publish(self, channel: str, payload: bytes) -> None: ...


class HintSender:
    """Methods of the shapes that the floors ask for."""

    def __init__(self, bus: Publisher) -> None:
        self._bus = bus
        self._waiting: defaultdict[str, list[Hint]] = defaultdict(list)

    def taken(self, owner: ReplicaId, newer: LineRef) -> None:
        self._put(channel_of(owner), Hint("taken", newer.org, newer.device_id, newer.generation))

    def send(self, owner: ReplicaId, place: tuple[OrgId, DeviceId]) -> None:
        self._put(channel_of(owner), Hint("send", *place))

    def cancel(self, owner: ReplicaId, name: tuple[OrgId, CommandId]) -> None:
        self._put(channel_of(owner), Hint("cancel", *name))

    def ended(self, accepted_by: ReplicaId, name: tuple[OrgId, CommandId]) -> None:
        self._put(channel_of(accepted_by), Hint("ended", *name))

    def groups(self, org: OrgId, group_id: str) -> None:
        self._put(COMMON, Hint("groups", org, group_id))

    def desired(self, place: DeviceKey) -> None:
        self._put(COMMON, Hint("desired", *place))

    def quarantine(self, place: DeviceKey) -> None:
        self._put(COMMON, Hint("quarantine", *place))

    def session(self, place: DeviceKey) -> None:
        self._put(COMMON, Hint("session", *place))

    def _put(self, channel: str, hint: Hint) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting[channel].append(hint)

    def _flush(self) -> None:
        for channel, hints in self._waiting.items():
            for start in range(0, len(hints), MOST_IN_ONE):
                some = hints[start : start + MOST_IN_ONE]
                self._bus.publish(channel, msgspec.msgpack.encode(some))
        self._waiting.clear()


class HintReceiver:
    """`spawn` runs what takes time."""

    def __init__(
        self,
        lines: LineService,
        commands: CommandService,
        desired: DesiredService,
        sessions: SessionAsking,
        groups_changed: Callable[[OrgId, str], None],
        limits_told: Callable[[bytes], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._lines = lines
        self._commands = commands
        self._desired = desired
        self._sessions = sessions
        self._groups_changed = groups_changed
        self._limits_told = limits_told
        self._spawn = spawn
        self._decoder = msgspec.msgpack.Decoder(list[Hint])

    def hint(self, channel: str, payload: bytes) -> None:
        if channel == CHANNEL:
            self._limits_told(payload)
            return
        try:
            hints = self._decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError):
            log.warning("hint_not_understood", channel=channel)
            return
        for hint in hints:
            self._act(hint)
        if names := _names(hints, "cancel"):
            self._spawn(self._commands.cancel_here(names))
        if names := _names(hints, "ended"):
            self._spawn(self._commands.ended_elsewhere(names))
        if devices := {(h.org, DeviceId(h.subject)) for h in hints if h.kind == "desired"}:
            self._spawn(self._desired.look(devices))
        if any(hint.kind == "quarantine" for hint in hints):
            self._spawn(self._lines.quarantine.look())
        if any(self._is_here(hint) for hint in hints if hint.kind == "session"):
            self._spawn(self._sessions.look())

    def _is_here(self, hint: Hint) -> bool:
        """Whether its device is on a line of this replica."""
        return self._lines.registry.get(hint.org, DeviceId(hint.subject)) is not None

    def resubscribed(self) -> None:
        """What was lost meanwhile is found by the floors."""

    def _act(self, hint: Hint) -> None:
        """What needs no look into the database."""
        match hint.kind:
            case "taken":
                newer = LineRef(hint.org, DeviceId(hint.subject), Generation(hint.generation))
                self._lines.superseded(newer)
            case "send":
                self._commands.look((hint.org, DeviceId(hint.subject)))
            case "groups":
                self._groups_changed(hint.org, hint.subject)
            case "cancel" | "ended" | "desired" | "quarantine" | "session":
                pass


def _names(hints: list[Hint], kind: str) -> list[tuple[OrgId, CommandId]]:
    return [(hint.org, CommandId(hint.subject)) for hint in hints if hint.kind == kind]
