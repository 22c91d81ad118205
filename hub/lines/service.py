"""Opening and closing lines.

Registrations and endings of a moment go to the database together. A line that takes over from
another replica has it told: by a hint at once, and by a note in the database that needs no Redis.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from msgspec import Struct

from hub.accounts.service import VersionChange
from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.errors import Unavailable
from hub.lines import cloning
from hub.lines.quarantine import QuarantineWatch
from hub.lines.registry import Registry
from hub.lines.session import LineSession
from hub.lines.stall import BEAT_SECONDS, Stall
from hub.lines.store import LineRef, LineStore, Opening, Registration, ref_of
from hub.telemetry.writer import TelemetryWriter
from protocol.closing import CloseCode
from protocol.codec import encode
from protocol.dashboard import AlertEvent, StatusEvent
from protocol.frames import Hello, Reconnect
from protocol.ids import DeviceId, DeviceKey, OrgId, ReplicaId

log = structlog.get_logger(__name__)

WATCH_SECONDS: Final = 1.0
DRAIN_BATCHES: Final = 20
DRAIN_JITTER_MS: Final = 1000
"""The longest wish of a device's `afterMs`: the batches spread the fleet, this spreads a batch."""


HelloListener = Callable[[list[tuple[LineRef, Hello]]], Awaitable[None]]


class ReplicaIdentity(Struct, frozen=True):
    replica_id: ReplicaId
    address: str
    version: str


class LineService:
    """`wall_clock` gives seconds since 1970, `clock` monotonic ones. `hint_takeover` tells another
    replica of a newer line of one of its devices."""

    def __init__(
        self,
        store: LineStore,
        replica: ReplicaIdentity,
        telemetry: TelemetryWriter,
        *,
        hint_takeover: Callable[[ReplicaId, LineRef], None],
        wall_clock: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.stall = Stall(clock())
        self._held: list[Callable[[], None]] = []
        self._store = store
        self._telemetry = telemetry
        self._hint_takeover = hint_takeover
        self._wall_clock = wall_clock
        self.replica = replica
        self.registry: Registry[LineSession] = Registry()
        self.quarantine = QuarantineWatch(store, self.registry, replica.replica_id)
        self._openings = Batcher(self._register, limit=500)
        self._closings = Batcher(self._note_closed, limit=1000, bound=200_000)
        self._hellos = Batcher(self._note_hellos, limit=1000, bound=200_000)
        self._on_hello: list[HelloListener] = []

    @property
    def replica_id(self) -> ReplicaId:
        return self.replica.replica_id

    # Lines

    async def register(self, opening: Opening) -> Registration | None:
        """The line's generation among others; None for a device that may have no line.

        Raises `Unavailable` or `Overloaded`.
        """
        return await self._openings.put(opening)

    async def _register(self, openings: list[Opening]) -> list[Registration | None]:
        """A device may be twice in a batch, but only once in a statement."""
        outcomes: list[Registration | None] = [None] * len(openings)
        waiting = list(enumerate(openings))
        while waiting:
            taken: dict[tuple[OrgId, DeviceId], int] = {}
            later: list[tuple[int, Opening]] = []
            for position, opening in waiting:
                key = (opening.org, opening.device_id)
                if key in taken:
                    later.append((position, opening))
                else:
                    taken[key] = position
            found = await self._store.register(
                self.replica_id, [openings[position] for position in taken.values()]
            )
            for (org, device_id), position in taken.items():
                registered = found.get((org, device_id))
                if registered is not None:
                    outcomes[position] = registered
                    self._note_takeover(LineRef(org, device_id, registered.generation), registered)
            waiting = later
        return outcomes

    def _note_takeover(self, newer: LineRef, registered: Registration) -> None:
        if registered.taken_from is not None:
            self._hint_takeover(registered.taken_from, newer)
        if cloning.is_told(registered.takeovers):
            log.warning("device_cloned", device_id=newer.device_id, takeovers=registered.takeovers)
            self._telemetry.alert(
                newer.org,
                AlertEvent(
                    device_id=newer.device_id,
                    ts=self._telemetry.now(),
                    severity="WARN",
                    code=cloning.CODE,
                    message=cloning.MESSAGE.format(count=registered.takeovers),
                ),
            )

    def opened(self, line: LineSession) -> bool:
        """A line that was registered begins; False when a newer one is here already."""
        superseded = self.registry.add(line)
        if superseded is line:
            return False
        if superseded is not None:
            superseded.close(CloseCode.SUPERSEDED)
        metrics.lines.set(len(self.registry))
        metrics.registrations.inc()
        self._tell(ref_of(line), connected=True)
        return True

    def superseded(self, newer: LineRef) -> None:
        """A device of ours may have opened a newer line on another replica."""
        line = self.registry.get(newer.org, newer.device_id)
        if line is not None and line.generation < newer.generation:
            line.close(CloseCode.SUPERSEDED)

    def closed(self, line: LineSession, code: int) -> None:
        self.registry.remove(line)
        metrics.lines.set(len(self.registry))
        metrics.lines_closed.labels(str(code)).inc()
        self._closings.put(ref_of(line))

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self._hellos.put((ref_of(line), hello))

    async def _note_closed(self, lines: list[LineRef]) -> list[None]:
        """However long the database is away: the end of a line is never forgotten."""
        while True:
            try:
                newest = await self._store.close(lines)
            except Unavailable:
                await asyncio.sleep(WATCH_SECONDS)
            else:
                break
        self.ended([line for line in lines if line in newest])
        return [None] * len(lines)

    def ended(self, lines: list[LineRef]) -> None:
        """Tell dashboards of lines that have ended and were their devices' newest."""
        for line in lines:
            self._tell(line, connected=False)

    def open_lines(self) -> list[LineRef]:
        return [ref_of(line) for line in self.registry]

    def reopened(self, lines: list[LineRef], newest: dict[LineRef, bool]) -> None:
        """This replica had been declared dead. `newest`: those of `lines` that are still the newest
        of their device, and whether dashboards had been told that they were closed."""
        for ref in lines:
            line = self.registry.get(ref.org, ref.device_id)
            if ref not in newest and line is not None and line.generation == ref.generation:
                line.close(CloseCode.SUPERSEDED)
            elif newest.get(ref):
                self._tell(ref, connected=True)

    async def _note_hellos(self, said: list[tuple[LineRef, Hello]]) -> list[None]:
        """However long the database is away: hello comes only once."""
        while True:
            try:
                await self._store.hello(said)
                for listener in self._on_hello:
                    await listener(said)
            except Unavailable:
                await asyncio.sleep(WATCH_SECONDS)
            else:
                return [None] * len(said)

    def hand_over(
        self, place: DeviceKey, kind: str, version: str, digest: str, *, report: bool = False
    ) -> None:
        """Tell the device, where its line is here, that a section of its desired state is another
        than it may have, or (`report`) to say what it has."""
        line = self.registry.get(*place)
        if line is not None:
            line.hand_over(kind, version, digest, report=report)

    def on_hello(self, listener: HelloListener) -> None:
        """`listener` is given what devices said when their lines began, again when it raises
        `Unavailable`."""
        self._on_hello.append(listener)

    def _tell(self, line: LineRef, *, connected: bool) -> None:
        self._telemetry.publish(
            line.org,
            StatusEvent(
                device_id=line.device_id,
                ts=self._telemetry.now(),
                status="ONLINE" if connected else "OFFLINE",
                connected=connected,
                generation=line.generation,
            ),
        )

    async def run(self) -> None:
        """The group commits; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._openings.run())
            tasks.create_task(self._closings.run())
            tasks.create_task(self._hellos.run())

    # Standing still

    def stalled(self) -> bool:
        """Whether this process stood still and does not know yet which lines are superseded."""
        return self.stall.noticed(self._clock())

    def stalls(self) -> int:
        """How often it stood still."""
        self.stalled()
        return self.stall.count

    def hold(self, go_on: Callable[[], None]) -> None:
        """Call this when that is known, the superseded lines are closed, and those in quarantine
        know it."""
        self._held.append(go_on)

    def go_on(self) -> None:
        """It is known."""
        self.stall.over(self._clock())
        held, self._held = self._held, []
        for go_on in held:
            # The next turn of the loop: whoever is closed now has heard of it by then.
            asyncio.get_running_loop().call_soon(go_on)

    async def beat(self) -> None:
        """Show that the process runs; for ever."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.beat_once()

    def beat_once(self) -> None:
        self.stall.beat(self._clock())

    # Authorisation of open lines

    async def watch(self) -> None:
        """Close lines whose token has run out; for ever."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = self._wall_clock()
            for line in self.registry:
                if line.expires_at <= now:
                    line.close(CloseCode.NOT_AUTHENTICATED)

    def credentials_changed(self, changes: list[VersionChange]) -> None:
        """Close the lines of tokens and certificates that have ended, and every line when a signing
        key was revoked: devices come back with what is good."""
        for change in changes:
            subject = change.subject
            if subject.kind == "device":
                line = self.registry.get(subject.org, DeviceId(subject.id))
                if line is not None and line.goes_by_ended(change.standing.lowest):
                    line.close(CloseCode.FORBIDDEN)
            elif subject.kind == "certificate":
                device_id, _, serial = subject.id.rpartition("/")
                line = self.registry.get(subject.org, DeviceId(device_id))
                if line is not None and line.serial == serial and change.has_ended:
                    line.close(CloseCode.FORBIDDEN)
            elif subject.kind == "signing_key":
                for line in list(self.registry):
                    line.close(CloseCode.NOT_AUTHENTICATED)

    # The drain

    async def drain(self, seconds: float) -> None:
        """Send the devices elsewhere, a batch at a time: each batch is asked to come back soon,
        may say what it has to say until the next is asked, and is then closed."""
        lines = list(self.registry)
        size = max(1, math.ceil(len(lines) / DRAIN_BATCHES))
        for start in range(0, len(lines), size):
            batch = lines[start : start + size]
            for line in batch:
                after = random.randint(0, DRAIN_JITTER_MS)  # noqa: S311
                line.send(encode(Reconnect(after_ms=after)))
            await asyncio.sleep(seconds / DRAIN_BATCHES)
            for line in batch:
                line.close(CloseCode.SERVICE_RESTART)

    def waiting(self) -> int:
        """What the group commits have still to take."""
        return len(self._openings) + len(self._closings) + len(self._hellos)

    async def flush(self) -> None:
        """Wait until the end of every line is noted."""
        await self._closings.idle()
