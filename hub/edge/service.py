"""Records come in, and what becomes of them on their way to the cloud is told."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from msgspec import Raw, Struct

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base import metrics
from hub.base.database import Connection, Raced
from hub.base.errors import NotFound, Overloaded, QuarantinedCaller, TooManyRequests, Unavailable
from hub.base.paging import Items, decode_number_cursor, page_of
from hub.base.principal import Principal
from hub.base.retention import Retention, ShownSince, everything_since
from hub.devices.service import QUARANTINED_SECONDS
from hub.edge.records import Intake, Judged, decide, judge
from hub.edge.store import DeadRow, EdgeStore, Overview, Which
from protocol.edge import Refusal, SyncAnswer
from protocol.ids import DeviceId, OrgId

__all__ = ["Bounds", "DeadRow", "EdgeService", "Overview", "Which"]

log = structlog.get_logger(__name__)

RACES: Final = 3
FULL_SECONDS: Final = 30
SHARE: Final = 10_000
"""Places of one device in the queue to the cloud."""


class Bounds(Struct, frozen=True, kw_only=True):
    """Of what waits for the cloud. One device may take up a share, so that the rest is for the
    others."""

    most_pending: int
    share: int = SHARE
    is_pushed: bool
    """There is a cloud; without one what waits goes with the retention of records."""


class EdgeService:
    """`on_new` is called when there is something to push."""

    def __init__(
        self,
        store: EdgeStore,
        audit: AuditService,
        bounds: Bounds,
        on_new: Callable[[], None],
        shown_since: ShownSince = everything_since,
    ) -> None:
        """`shown_since`: since when an organisation is shown what was given up."""
        self._shown_since = shown_since
        self._store = store
        self._audit = audit
        self._bounds = bounds
        self._on_new = on_new
        self._pending = 0

    async def sync(self, by: Principal, records: Sequence[Raw]) -> SyncAnswer:
        """What is accepted is committed. Raises `QuarantinedCaller`, `Overloaded`,
        `TooManyRequests`, `Unavailable`."""
        judged = [judge(raw) for raw in records]
        ids = list({each.record.id for each in judged if isinstance(each, Judged)})
        for _ in range(RACES):
            try:
                intake = await self._take(by, judged, ids)
            except Raced:
                continue  # the same records, by another call: they are seen now
            self._count(intake)
            return intake.answer
        raise Unavailable("the same records are being uploaded too often at once", retry_after=1)

    async def _take(
        self, by: Principal, judged: Sequence[Judged | Refusal], ids: list[str]
    ) -> Intake:
        org, device_id = by.org, DeviceId(by.subject)
        async with self._store.database.tenant(by.org).transaction() as connection:
            company, quarantined = await self._store.standing(connection, org, device_id)
            if quarantined:
                raise QuarantinedCaller(
                    "the device is in quarantine: keep the records",
                    retry_after=QUARANTINED_SECONDS,
                )
            existing = await self._store.existing(connection, org, device_id, ids)
            intake = decide(judged, existing, company)
            if intake.new:
                await self._check_room(connection, by, len(intake.new))
                await self._store.add(connection, org, device_id, intake.new)
        return intake

    async def _check_room(self, connection: Connection, by: Principal, more: int) -> None:
        """Raises `Overloaded`, `TooManyRequests`."""
        if self._pending + more > self._bounds.most_pending:
            raise Overloaded("the cloud queue is full", retry_after=FULL_SECONDS)
        share = self._bounds.share
        waiting = await self._store.share(connection, by.org, DeviceId(by.subject), share)
        if waiting + more > share:
            raise TooManyRequests(
                f"{share} records of a device may wait for the cloud", retry_after=FULL_SECONDS
            )

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
        return await self._store.overview(org, dead_since=await self._shown_since(org))

    async def dead_letters(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[DeadRow]:
        before = decode_number_cursor(cursor)
        since = await self._shown_since(org)
        rows = await self._store.dead_letters(org, before=before, limit=limit + 1, since=since)
        return page_of(
            rows, limit, key=lambda row: (row.finished_at, str(row.queue_id)), item=lambda row: row
        )

    async def retry(self, by: Principal, record_id: str) -> None:
        """A dead letter is pushed again, in its old place. Raises `NotFound`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.retry(connection, by.org, Which(ids=[record_id])):
                raise NotFound("no such dead letter")
            await self._audit.record(connection, audit_entry(by, "cloud_sync.retry", record_id))
        self._on_new()

    async def retry_all(self, by: Principal, which: Which) -> int:
        """Those that match are pushed again, in their old places; how many."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            count = await self._store.retry(connection, by.org, which)
            entry = audit_entry(by, "cloud_sync.retry", None, **_detail(which, count))
            await self._audit.record(connection, entry)
        self._on_new()
        return count

    async def discard_all(self, by: Principal, which: Which) -> int:
        """Those that match will never be pushed, and are not shown any more; how many."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            count = await self._store.discard(connection, by.org, which)
            entry = audit_entry(by, "cloud_sync.discard", None, **_detail(which, count))
            await self._audit.record(connection, entry)
        return count

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


def _detail(which: Which, count: int) -> dict[str, Any]:
    """For the audit: what was asked for, and how many it was."""
    asked = {"kind": which.kind, "companyId": which.company_id, "ids": which.ids}
    return {name: value for name, value in asked.items() if value is not None} | {"count": count}
