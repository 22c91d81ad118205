"""What a replica does again and again for all capabilities: makes room for what comes, deletes what
is past its retention, and looks at the clocks (promise G18)."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from hub.accounts.organisation import OrganisationService
from hub.base.clocks import Brake, WallClock
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.base.partitions import Partitioned, drop, make
from hub.base.present import bring_to_present, now_of
from hub.base.retention import Retention
from hub.telemetry.stream import StreamWriter
from protocol.ids import DEFAULT_ORG

log = structlog.get_logger(__name__)

CLEAN_UP_SECONDS: Final = 600.0
CLOCK_SECONDS: Final = 1.0


class Upkeep:
    def __init__(
        self,
        base: Foundation,
        organisation: OrganisationService,
        stream: StreamWriter,
        capabilities: Sequence[Capability],
    ) -> None:
        self.timers = (
            Timer(CLOCK_SECONDS, self.watch_clock),
            Timer(CLEAN_UP_SECONDS, self.read_retention),
        )
        self.jobs = (every(CLEAN_UP_SECONDS, "clean_up", lambda _: self.clean_up()),)
        self._base = base
        self._organisation = organisation
        self._orgs = [DEFAULT_ORG]
        """Those that there are, as of late."""
        self._stream = stream
        self._capabilities = capabilities
        self._brake = Brake(time.monotonic())
        self._our_clock = WallClock(time.time(), time.monotonic())
        self._database_clock = WallClock(time.time(), time.monotonic())
        self._unsure = False

    async def prepare(self) -> None:
        await self._make_room()
        await bring_to_present(self._base.database)

    async def watch_clock(self) -> None:
        """After a step, of ours or of the database's, what comes needs other partitions, and what
        was written before may stand in the future."""
        there = (await now_of(self._base.database)).timestamp()
        self._tell_of_unsure()
        here, now = time.time(), time.monotonic()
        if self._our_clock.stepped(here, now) or self._database_clock.stepped(there, now):
            log.warning("clock_stepped", here=_text(here), database=_text(there))
            self._brake.hold(now)
            await self.prepare()
            self._our_clock.noted(here, now)
            self._database_clock.noted(there, now)

    async def read_retention(self) -> Retention:
        """How long things are kept now, for whoever here goes by it."""
        keep = (await self._organisation.settings(DEFAULT_ORG)).retention
        self._orgs = await self._organisation.living()
        self._partitions(keep)
        return keep

    async def clean_up(self) -> None:
        """Nothing is deleted early in a start nor soon after a step, when a clock may be wrong."""
        await self.watch_clock()
        keep = await self._make_room()
        now = time.monotonic()
        if not self._brake.may_delete(now):
            return
        await drop(self._base.database, self._partitions(keep), self._brake, now)
        for capability in self._capabilities:
            if capability.clean_up is not None:
                await capability.clean_up(keep)

    def is_unsure(self) -> bool:
        """Whether something may be committed of which nobody has been told."""
        self._unsure |= self._take_unsure()
        return self._unsure

    async def _make_room(self) -> Retention:
        """Partitions for what comes; answers how long things are kept now."""
        keep = await self.read_retention()
        await make(self._base.database, self._partitions(keep), [datetime.now(UTC)])
        return keep

    def _partitions(self, keep: Retention) -> list[Partitioned]:
        return [
            table
            for capability in self._capabilities
            if capability.partitions is not None
            for table in capability.partitions(keep)
        ]

    def _tell_of_unsure(self) -> None:
        """The database answers again: what it may have committed meanwhile, without our knowing,
        dashboards find by looking anew. Said a look later, when it has come to rest."""
        if self._unsure:
            for org in self._orgs:
                self._stream.missed(org)
        self._unsure = self._take_unsure()

    def _take_unsure(self) -> bool:
        return any([self._base.database.take_unsure(), self._base.reserved.take_unsure()])


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
