"""Records come in, and what becomes of them on their way to the cloud is told."""

from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec import Raw, Struct

from hub.audit.service import AuditService, deed_of
from hub.base import metrics
from hub.base.errors import NotFound, Overloaded, Unavailable
from hub.base.retention import Retention
from hub.edge.records import Intake, Judged, decide, judge
from hub.edge.store import DeadRow, EdgeStore, Overview, Raced
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal
from protocol.edge import Refusal, SyncAnswer
from protocol.ids import DeviceId, OrgId

__all__ = ["Bounds", "DeadRow", "EdgeService", "Overview"]

log = structlog.get_logger(__name__)

RACES: Final = 3
FULL_SECONDS: Final = 30


class Bounds(Struct, frozen=True, kw_only=True):
    """Of what waits for the cloud."""

    most_pending: int
    is_pushed: bool
    """There is a cloud; without one what waits goes with the retention of records."""


class EdgeService:
    """`on_new` is called when there is something to push."""

    def __init__(
        self, store: EdgeStore, audit: AuditService, bounds: Bounds, on_new: Callable[[], None]
    ) -> None:
        self._store = store
        self._audit = audit
        self._bounds = bounds
        self._on_new = on_new
        self._pending = 0

    async def sync(self, by: Principal, records: Sequence[Raw]) -> SyncAnswer:
        """What is accepted is committed. Raises `Overloaded`, `Unavailable`."""
        judged = [judge(raw) for raw in records]
        ids = list({each.record.id for each in judged if isinstance(each, Judged)})
        for _ in range(RACES):
            try:
                intake = await self._take(by, judged, ids)
            except Raced:
                continue  # the same records, by another call: they are seen now
            self._count(intake)
            return intake.answer
        raise Unavailable("the same records are handed in too often at once", retry_after=1)

    async def _take(
        self, by: Principal, judged: Sequence[Judged | Refusal], ids: list[str]
    ) -> Intake:
        async with self._store.database.transaction() as connection:
            intake = decide(judged, await self._store.existing(connection, by.org, ids))
            if intake.new:
                self._check_room(len(intake.new))
                await self._store.add(connection, by.org, DeviceId(by.subject), intake.new)
        return intake

    def _check_room(self, more: int) -> None:
        if self._pending + more > self._bounds.most_pending:
            raise Overloaded("too much waits for the cloud", retry_after=FULL_SECONDS)

    def _count(self, intake: Intake) -> None:
        repeated = len(intake.answer.accepted) - len(intake.new)
        metrics.edge_records.labels("accepted").inc(len(intake.new))
        metrics.edge_records.labels("repeated").inc(repeated)
        for refusal in intake.answer.refused:
            metrics.edge_records.labels(refusal.code).inc()
        if intake.new:
            self._pending += len(intake.new)
            self._on_new()

    # What waits, and what was given up

    def pending(self) -> int:
        """How many wait for the cloud, as this replica last saw it."""
        return self._pending

    async def overview(self, org: OrgId) -> Overview:
        return await self._store.overview(org)

    async def dead_letters(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[DeadRow]:
        rows = await self._store.dead_letters(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.finished_at, row.record_id), item=lambda row: row
        )

    async def retry(self, by: Principal, record_id: str) -> None:
        """A dead letter is pushed again, in its old place. Raises `NotFound`."""
        async with self._store.database.transaction() as connection:
            if not await self._store.retry(connection, by.org, record_id):
                raise NotFound("no such dead letter")
            await self._audit.record(connection, deed_of(by, "cloud_sync.retry", record_id))
        self._on_new()

    # Jobs

    async def look(self) -> None:
        """How much waits: for the bound, and for /metrics."""
        self._pending = await self._store.pending()
        metrics.queue_depth.labels("cloud").set(self._pending)

    async def clean_up(self, keep: Retention) -> None:
        unsent = await self._store.forget(
            done_days=keep.cloud_days,
            record_days=keep.edge_days,
            is_pushed=self._bounds.is_pushed,
        )
        if unsent:
            log.warning("cloud_records_expired", records=unsent)
            metrics.cloud_records.labels("expired").inc(unsent)
