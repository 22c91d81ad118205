"""`/sync` for devices, `/cloud-sync` for people."""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from hub.base.errors import invalid
from hub.base.paging import Items
from hub.edge.service import DeadRow, EdgeService, Which
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.edge import MOST_RECORDS, CompanyId, EdgeRecord, Kind, RecordId, SyncAnswer


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


class DeadLetterFilter(Body, frozen=True):
    """Dead letters that match every given filter: at least one of the three, or `all`."""

    kind: Kind | None = None
    company_id: CompanyId | None = None
    ids: Annotated[list[RecordId], Meta(min_length=1, max_length=10_000)] | None = None
    all: bool = False


class Retried(Struct, frozen=True):
    retried: int


class Deleted(Struct, frozen=True):
    deleted: int


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

    async def retry_all(self, call: Call[None, DeadLetterFilter]) -> Retried:
        return Retried(await self._service.retry_all(call.principal, _which(call.body)))

    async def discard_all(self, call: Call[None, DeadLetterFilter]) -> Deleted:
        return Deleted(await self._service.discard_all(call.principal, _which(call.body)))


def _which(body: DeadLetterFilter) -> Which:
    which = Which(kind=body.kind, company_id=body.company_id, ids=body.ids)
    if body.all == (which != Which()):
        raise invalid("all", "either kind, companyId or ids, or all")
    return which


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
