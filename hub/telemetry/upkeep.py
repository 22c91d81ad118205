"""What has to be done for the tables of telemetry: partitions, roll-ups, forgetting."""

from datetime import datetime, timedelta
from functools import partial

from hub.base.job_store import fence
from hub.base.jobs import HeldJob
from hub.base.partitions import Partitioned
from hub.base.retention import Retention
from hub.telemetry.store import TelemetryStore


class TelemetryUpkeep:
    """`keep`: how long the tables are kept, as it was said last."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self.keep = Retention()

    def partitioned(self, keep: Retention) -> list[Partitioned]:
        """The tables that are kept so long from now on."""
        self.keep = keep
        return _tables(keep)

    async def make_room(self, moments: list[datetime]) -> None:
        """Partitions for the present and for these moments."""
        await self._store.make_room(_tables(self.keep), moments)

    async def clean_up(self, _: Retention) -> None:
        await self._store.forget_marks()

    async def roll_up(self, job: HeldJob) -> None:
        """Raises `LeaseLost`."""
        await self._store.roll_up(partial(fence, job=job))


def _tables(keep: Retention) -> list[Partitioned]:
    raw = timedelta(hours=keep.raw_hours)
    hours = timedelta(hours=6)
    day = timedelta(days=1)
    return [
        Partitioned(table="status_event", step=hours, ahead=5, keep=raw),
        Partitioned(table="event", step=hours, ahead=5, keep=raw),
        Partitioned(table="log_line", step=day, ahead=2, keep=keep.log_days * day),
        Partitioned(table="metric_rollup", step=day, ahead=2, keep=keep.metric_days * day),
    ]
