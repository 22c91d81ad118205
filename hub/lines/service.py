"""Opening and closing lines, and the lease of this replica.

Registrations and endings of a moment go to the database together. The lease is one row a replica:
renewed every 3 s for 9 s, and looked at by every other replica. Whoever finds a lease that has
ended without a goodbye ends that replica's lines and tells dashboards of a possible hole.
"""

import asyncio
import math
import random
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from msgspec import Struct

from hub.accounts.service import Revocation
from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.errors import Unavailable
from hub.lines.registry import Registry
from hub.lines.session import LineSession
from hub.lines.store import LineRef, LineStore, Opening
from protocol.closing import CloseCode
from protocol.codec import encode
from protocol.dashboard import DashboardEvent, StatusEvent
from protocol.frames import Hello, Reconnect
from protocol.ids import DEFAULT_ORG, DeviceId, Generation, OrgId, ReplicaId

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 9.0
RENEW_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 1.0
DRAIN_BATCHES: Final = 20


class Dashboards(Protocol):
    """Where presence is told (the telemetry floor)."""

    def publish(self, org: OrgId, event: DashboardEvent) -> None: ...
    def now(self) -> str: ...


class Holes(Protocol):
    """Where a possible hole in the stream is told (the bus)."""

    async def hole(self, org: OrgId, *, source: str) -> None: ...


class Replica(Struct, frozen=True):
    replica_id: ReplicaId
    address: str


class LineService:
    """`clock` gives monotonic seconds, `wall_clock` seconds since 1970. `announce` tells the other
    replicas of a new line."""

    def __init__(
        self,
        store: LineStore,
        replica: Replica,
        dashboards: Dashboards,
        holes: Holes,
        *,
        announce: Callable[[LineSession], None],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._dashboards = dashboards
        self._holes = holes
        self._announce = announce
        self._clock = clock
        self._wall_clock = wall_clock
        self._replica = replica
        self._renewed = clock()
        self._patient_until = 0.0
        self.registry: Registry[LineSession] = Registry()
        self._openings = Batcher(self._register, limit=500)
        self._closings = Batcher(self._note_closed, limit=1000, bound=200_000)
        self._hellos = Batcher(self._note_hellos, limit=1000, bound=200_000)

    @property
    def replica_id(self) -> ReplicaId:
        return self._replica.replica_id

    # Lines

    async def register(self, opening: Opening) -> Generation | None:
        """The line's generation; None for a device that may have none.

        Raises `Unavailable` or `Overloaded`.
        """
        return await self._openings.put(opening)

    async def _register(self, openings: list[Opening]) -> list[Generation | None]:
        """A device may be twice in a batch, but only once in a statement."""
        outcomes: list[Generation | None] = [None] * len(openings)
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
            for key, position in taken.items():
                outcomes[position] = found.get(key)
            waiting = later
        return outcomes

    def opened(self, line: LineSession) -> bool:
        """A line that was registered begins; False when a newer one is here already."""
        superseded = self.registry.add(line)
        if superseded is line:
            return False
        if superseded is not None:
            superseded.close(CloseCode.SUPERSEDED)
        metrics.lines.set(len(self.registry))
        metrics.registrations.inc()
        self._announce(line)
        self._tell(LineRef(line.org, line.device_id, line.generation), connected=True)
        return True

    def closed(self, line: LineSession, code: int) -> None:
        self.registry.remove(line)
        metrics.lines.set(len(self.registry))
        metrics.lines_closed.labels(str(code)).inc()
        self._closings.put(LineRef(line.org, line.device_id, line.generation))

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self._hellos.put((LineRef(line.org, line.device_id, line.generation), hello))

    async def _note_closed(self, lines: list[LineRef]) -> list[None]:
        """However long the database is away: the end of a line is never forgotten."""
        while True:
            try:
                newest = await self._store.close(lines)
            except Unavailable:
                await asyncio.sleep(WATCH_SECONDS)
            else:
                break
        for line in lines:
            if line in newest:
                self._tell(line, connected=False)
        return [None] * len(lines)

    async def _note_hellos(self, said: list[tuple[LineRef, Hello]]) -> list[None]:
        """However long the database is away: hello comes only once."""
        while True:
            try:
                await self._store.hello(said)
            except Unavailable:
                await asyncio.sleep(WATCH_SECONDS)
            else:
                return [None] * len(said)

    def _tell(self, line: LineRef, *, connected: bool) -> None:
        self._dashboards.publish(
            line.org,
            StatusEvent(
                device_id=line.device_id,
                ts=self._dashboards.now(),
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

    # Authorisation of open lines

    async def watch(self) -> None:
        """Close lines whose token has run out; for ever."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = self._wall_clock()
            for line in self.registry:
                if line.expires_at <= now:
                    line.close(CloseCode.NOT_AUTHENTICATED)

    def revoked(self, revocations: list[Revocation]) -> None:
        """Close the lines of devices that were disabled or deleted."""
        for revocation in revocations:
            if revocation.kind == "device":
                line = self.registry.get(revocation.org, DeviceId(revocation.subject))
                if line is not None:
                    line.close(CloseCode.FORBIDDEN)

    # The drain

    async def drain(self, seconds: float) -> None:
        """Ask every device to come back elsewhere, each after a delay of its own, and close the
        lines in batches, so that they do not all come back at once."""
        spread = int(seconds * 1000)
        lines = list(self.registry)
        for line in lines:
            line.send(encode(Reconnect(after_ms=random.randint(0, spread))))  # noqa: S311
        size = max(1, math.ceil(len(lines) / DRAIN_BATCHES))
        for start in range(0, len(lines), size):
            for line in lines[start : start + size]:
                line.close(CloseCode.SERVICE_RESTART)
            await asyncio.sleep(seconds / DRAIN_BATCHES)

    async def flush(self) -> None:
        """Wait until the end of every line is noted."""
        await self._closings.idle()

    # The lease

    async def start(self) -> None:
        """Raises `Unavailable`."""
        await self._store.start_replica(self.replica_id, self._replica.address, LEASE_SECONDS)
        self._renewed = self._clock()

    async def keep_lease(self) -> None:
        """Renew our own, look for others that have ended; for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Unavailable:
                log.warning("lease_not_renewed", since=round(self._clock() - self._renewed, 1))

    async def _look(self) -> None:
        since = self._clock() - self._renewed
        if since < RENEW_SECONDS:
            if not self._stalled_lately():
                await self._bury(await self._store.end_dead(self.replica_id))
            return
        stalled = since > LEASE_SECONDS
        if not await self._store.renew(self.replica_id, LEASE_SECONDS):
            await self._store.revive(self.replica_id, LEASE_SECONDS)
            stalled = True
        self._renewed = self._clock()
        if stalled:
            # Everybody may have stalled with us: declare nobody dead for one lease.
            self._patient_until = self._renewed + LEASE_SECONDS
            self._close_all(CloseCode.TRY_LATER)

    def _stalled_lately(self) -> bool:
        return self._clock() < self._patient_until

    async def _bury(self, dead: list[ReplicaId]) -> None:
        if not dead:
            return
        log.warning("replicas_dead", replicas=dead)
        lines = await self._store.close_all(dead)
        for line in lines:
            self._tell(line, connected=False)
        for org in {line.org for line in lines} or {DEFAULT_ORG}:
            for replica_id in dead:
                await self._holes.hole(org, source=replica_id)

    def _close_all(self, code: CloseCode) -> None:
        for line in self.registry:
            line.close(code)

    async def goodbye(self) -> None:
        """After the drain: end what is left of our lines, and the lease."""
        lines = await self._store.close_all([self.replica_id])
        for line in lines:
            self._tell(line, connected=False)
        await self._store.goodbye(self.replica_id)

    async def clean_up(self) -> None:
        await self._store.forget_replicas()
