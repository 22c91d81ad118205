"""`/edge-records`: what devices produced, and what became of it on its way to the cloud."""

from typing import Annotated, Any, Final, cast, get_args

from msgspec import Meta, convert

from hub.base.errors import NotFound, invalid
from hub.base.paging import Items
from hub.edge.reading import (
    CloudState,
    CountedBy,
    EdgeReader,
    RecordCount,
    RecordFilter,
    RecordItem,
)
from hub.web.inputs import ListQuery, Moment, Query
from hub.web.route import Call
from protocol.edge import CompanyId, Kind, RecordId
from protocol.ids import DeviceId, DeviceIdField

_BY: Final = get_args(CountedBy)


class RecordsQuery(ListQuery, frozen=True, kw_only=True):
    kind: Kind | None = None
    company_id: CompanyId | None = None
    device_id: DeviceIdField | None = None
    id: RecordId | None = None
    """Unique for each device."""
    cloud: CloudState | None = None
    since: Moment | None = None
    until: Moment | None = None


class CountsQuery(Query, frozen=True, kw_only=True):
    by: Annotated[str, Meta(min_length=1, max_length=64)]
    """Some of `kind`, `company`, `device` and `day`, separated by commas. Days are in UTC."""
    since: Moment | None = None
    until: Moment | None = None


class EdgeRecordEndpoints:
    def __init__(self, reader: EdgeReader) -> None:
        self._reader = reader

    async def records(self, call: Call[RecordsQuery, None]) -> Items[RecordItem]:
        query = call.query
        asked = RecordFilter(
            kind=query.kind,
            company_id=query.company_id,
            device_id=query.device_id,
            id=query.id,
            cloud=query.cloud,
            since=query.since,
            until=query.until,
        )
        return await self._reader.page(call.principal.org, asked, query.cursor, query.limit)

    async def record(self, call: Call[None, None]) -> RecordItem:
        kind: Any = call.path("kind")
        if kind not in get_args(Kind):
            raise NotFound("no such record")
        device_id = DeviceId(call.path("id"))
        return await self._reader.one(
            call.principal.org, device_id, convert(kind, Kind), call.path("recordId")
        )

    async def counts(self, call: Call[CountsQuery, None]) -> list[RecordCount]:
        query = call.query
        by = [each.strip() for each in query.by.split(",")]
        if not set(by) <= set(_BY) or len(set(by)) < len(by):
            raise invalid("by", f"takes some of {', '.join(_BY)}, each once")
        counted = cast("list[CountedBy]", by)
        return await self._reader.counts(call.principal.org, counted, query.since, query.until)
