"""`/events` and `/logs`: pages of JSON, or a file of many rows."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import structlog
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from hub.base.errors import Forbidden, HubError, invalid
from hub.base.paging import Items, bind
from hub.history.exporting import (
    OF_EVENTS,
    OF_LOGS,
    CsvExporter,
    Exporter,
    ExportFormat,
    NdjsonExporter,
    asked_format,
)
from hub.history.records import (
    LONGEST_SEARCH,
    TYPES,
    EventsFilter,
    HistoryItem,
    LogsFilter,
    span_of,
)
from hub.history.service import ExportPart, HistoryService
from hub.web.inputs import ListQuery, Moment
from hub.web.route import Call
from protocol.commands import Level
from protocol.ids import DeviceIdField

log = structlog.get_logger(__name__)

_QueryText = Annotated[str, Meta(min_length=1, max_length=10_000)]


class EventsQuery(ListQuery, frozen=True, kw_only=True):
    types: Annotated[str, Meta(max_length=256)] | None = None
    """Separated by commas."""
    device_id: DeviceIdField | None = None
    query: _QueryText | None = None
    """Devices in the query language, as they are now."""
    since: Moment | None = None
    """Seven days before `until` when it is not given, and not earlier."""
    until: Moment | None = None


class LogsQuery(ListQuery, frozen=True, kw_only=True):
    q: Annotated[str, Meta(max_length=256)] | None = None
    """Words in the line, all of them; in ASCII upper and lower case are the same."""
    level: Level | None = None
    """This level and above."""
    source: str | None = None
    device_id: DeviceIdField | None = None
    query: _QueryText | None = None
    """Devices in the query language, as they are now."""
    since: Moment | None = None
    """Required without `deviceId`, and then 24 hours before `until` at most; else seven days."""
    until: Moment | None = None


class HistoryEndpoints:
    def __init__(self, service: HistoryService) -> None:
        self._service = service

    async def events(self, call: Call[EventsQuery, None]) -> Items[HistoryItem] | Response:
        query, by = call.query, call.principal
        since, until = span_of(query.since, query.until, self._service.now())
        asked = EventsFilter(
            since=since,
            until=until,
            device_id=query.device_id,
            query=await self._service.query(by.org, query.query),
            types=_types(query.types),
        )
        wanted = asked_format(call.header("accept"))
        if wanted is None:
            return await self._service.events(by, asked, query.cursor, query.limit)
        parts = self._service.export_events(by, asked, query.cursor)
        return await _file(call, wanted, parts, "events", CsvExporter(OF_EVENTS, rest="event"))

    async def logs(self, call: Call[LogsQuery, None]) -> Items[HistoryItem] | Response:
        query, by = call.query, call.principal
        now = self._service.now()
        if query.device_id is None:
            since, until = span_of(
                query.since, query.until, now, longest=LONGEST_SEARCH, needs_since=True
            )
        else:
            since, until = span_of(query.since, query.until, now)
        asked = LogsFilter(
            since=since,
            until=until,
            device_id=query.device_id,
            query=await self._service.query(by.org, query.query),
            level=query.level,
            source=query.source,
            words=query.q,
        )
        wanted = asked_format(call.header("accept"))
        if wanted is None:
            return await self._service.logs(by, asked, query.cursor, query.limit)
        parts = self._service.export_logs(by, asked, query.cursor)
        return await _file(call, wanted, parts, "logs", CsvExporter(OF_LOGS))


def _types(text: str | None) -> list[str] | None:
    """Raises `Invalid`."""
    if text is None:
        return None
    found = [each.strip() for each in text.split(",") if each.strip()]
    if not set(found) <= set(TYPES):
        raise invalid("types", f"takes some of {', '.join(TYPES)}")
    return found


async def _file(
    call: Call[Any, None],
    wanted: ExportFormat,
    parts: AsyncIterator[ExportPart],
    name: str,
    as_csv: Exporter,
) -> Response:
    """Its cursor is good for the same list with the same filters. What is wrong with the first part
    is an answer like any other."""
    path, query = call.request.scope["path"], call.query
    ending, exporter = {
        ExportFormat.CSV: ("csv", as_csv),
        ExportFormat.NDJSON: ("ndjson", NdjsonExporter()),
    }[wanted]
    first = await anext(parts, None)
    if first is None:
        raise Forbidden("your rights have ended")
    return StreamingResponse(
        _written(first, parts, exporter, lambda cursor: bind(cursor, path, query)),
        media_type=wanted.value,
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{ending}"',
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        },
    )


async def _written(
    first: ExportPart,
    following: AsyncIterator[ExportPart],
    exporter: Exporter,
    bound: Callable[[str], str],
) -> AsyncIterator[bytes]:
    """Without its last line it is not whole: its reader's rights have ended, or the database has
    gone."""
    yield exporter.head()
    part: ExportPart | None = first
    try:
        while part is not None:
            yield exporter.rows(part.items)
            if part.ends:
                yield exporter.end(None if part.next is None else bound(part.next))
            part = await anext(following, None)
    except HubError as error:
        log.warning("export_cut", error=error.detail)
