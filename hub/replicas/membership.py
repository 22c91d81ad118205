"""This replica among the others: its lease, the burial of the dead, its goodbye.

Whoever sees that a lease is not renewed any more ends that replica and its lines in one
transaction. What the dead may have stored without putting it into the stream is a gap; that it
must be told is a row, so that it is told in the end, whatever dies meanwhile.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from hub.base.bus import Bus, BusUnavailable
from hub.base.errors import Unavailable
from hub.lines.service import LineService
from hub.lines.store import LineRef
from hub.replicas.figures import ReplicaReport
from hub.replicas.lease import LEASE_SECONDS, Lease
from hub.replicas.store import ReplicaEnd, ReplicaStore
from protocol.ids import OrgId, ReplicaId

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0


class Gaps(Protocol):
    """Where a possible gap in the stream is told (the bus)."""

    async def gap(self, org: OrgId, *, source: str) -> bool:
        """Whether it is told now; False: try again later."""
        ...


class StreamGaps:
    """Told as a gap in the stream."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def gap(self, org: OrgId, *, source: str) -> bool:
        try:
            await self._bus.append_gap(org, "bus", source=source)
        except BusUnavailable:
            return False
        return True


class Membership:
    """`clock` gives monotonic seconds. `tell`, told how long the last renewal took, answers what
    the replica tells of itself."""

    def __init__(
        self,
        store: ReplicaStore,
        lines: LineService,
        gaps: Gaps,
        *,
        tell: Callable[[float | None], ReplicaReport],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._replica = lines.replica
        self._lines = lines
        self._gaps = gaps
        self._clock = clock
        self._tell = tell
        self._lease = Lease(clock())
        self._latency: float | None = None

    async def start(self, *, alone: bool = False) -> None:
        """`alone`: nobody else can be alive, because this process holds what they would need.

        Raises `Unavailable`.
        """
        name = self._replica
        await self._store.start(name.replica_id, name.address, name.version, lease=LEASE_SECONDS)
        self._lease.renewed(self._clock())
        if alone:
            self._buried(*await self._store.bury(await self._store.others(name.replica_id)))

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Unavailable:
                age = self._lease.age(self._clock())
                log.warning("lease_not_renewed", since=round(age, 1))

    async def look(self) -> None:
        stalled = self._lines.stalled()
        if stalled or self._lease.is_due(self._clock()):
            await self._renew(stalled=stalled)
        dead = self._lease.dead(await self._store.others(self._replica.replica_id), self._clock())
        if dead:
            self._buried(*await self._store.bury(dead))
        await self._tell_gaps()
        for newer in await self._store.takeovers(self._replica.replica_id):
            self._lines.superseded(newer)
        if stalled:
            await self._lines.quarantine.look()
            self._lines.go_on()

    async def _renew(self, *, stalled: bool) -> None:
        """After a stall all lines are looked at, whether or not somebody has declared us dead."""
        told = self._tell(self._latency)
        began = self._clock()
        alive = await self._store.renew(self._replica.replica_id, LEASE_SECONDS, told)
        self._latency = self._clock() - began
        if stalled or not alive:
            log.warning("stood_still", declared_dead=not alive, lines=len(self._lines.registry))
            mine = self._lines.open_lines()
            newest = await self._store.revive(self._replica.replica_id, LEASE_SECONDS, mine)
            self._lines.reopened(mine, newest)
        self._lease.renewed(self._clock(), declared_dead=stalled or not alive)

    def _buried(self, dead: list[ReplicaId], lines: list[LineRef]) -> None:
        if dead:
            log.warning("replicas_dead", replicas=dead, lines=len(lines))
            self._lines.ended(lines)

    async def _tell_gaps(self) -> None:
        """A replica may die more than once, so its end is named by its moment too."""
        untold = await self._store.untold()
        told: set[ReplicaEnd] = set()
        for ended, org in untold:
            source = f"{ended.replica_id}:{ended.at.timestamp()}"
            if not await self._gaps.gap(org, source=source):
                return
            told.add(ended)
        if told:
            await self._store.told(sorted(told, key=lambda ended: ended.replica_id))

    async def end_lines(self) -> None:
        """After the drain: whatever is still noted as a line of ours has ended."""
        self._lines.ended(await self._store.close_all(self._replica.replica_id))

    async def goodbye(self, *, complete: bool) -> None:
        """`complete`: all that this replica had to say is in the streams; if not, the others tell
        of a gap."""
        await self._store.goodbye(self._replica.replica_id, complete=complete)

    async def clean_up(self) -> None:
        await self._store.forget()
