"""`/sync` for devices, `/cloud-sync` for people."""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from hub.edge.service import DeadRow, EdgeService
from hub.web.envelope import Items
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.edge import MOST_RECORDS, EdgeRecord, Kind, SyncAnswer


class SyncBody(Body, frozen=True):
    records: Annotated[list[EdgeRecord], Meta(max_length=MOST_RECORDS)]


class SyncParts(Body, frozen=True):
    """`SyncBody` with each record still to be judged."""

    records: Annotated[list[Raw], Meta(max_length=MOST_RECORDS)]


class CloudSync(Struct, frozen=True, rename="camel", kw_only=True):
    pending: int
    dead_letters: int
    oldest_pending_seconds: float | None
    last_error: str | None
    """What is wrong now."""


class DeadLetter(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    """The id of the record."""
    kind: Kind
    company_id: str
    device_id: str
    ts: str
    data: dict[str, Any]
    error: str
    attempts: int
    failed_at: str


class EdgeEndpoints:
    def __init__(self, service: EdgeService) -> None:
        self._service = service

    async def sync(self, call: Call[None, SyncParts]) -> SyncAnswer:
        return await self._service.sync(call.principal, call.body.records)

    async def overview(self, call: Call[None, None]) -> CloudSync:
        found = await self._service.overview(call.principal.org)
        return CloudSync(
            pending=found.pending,
            dead_letters=found.dead,
            oldest_pending_seconds=found.oldest,
            last_error=found.error,
        )

    async def dead_letters(self, call: Call[ListQuery, None]) -> Items[DeadLetter]:
        page = await self._service.dead_letters(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_dead_letter(row) for row in page.items], page.next)

    async def retry(self, call: Call[None, None]) -> None:
        await self._service.retry(call.principal, call.path("id"))


def _dead_letter(row: DeadRow) -> DeadLetter:
    return DeadLetter(
        id=row.record_id,
        kind=row.kind,
        company_id=row.company_id,
        device_id=row.device_id,
        ts=rfc3339(row.ts),
        data=row.data,
        error=row.error,
        attempts=row.attempts,
        failed_at=rfc3339(row.finished_at),
    )
