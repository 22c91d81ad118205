"""`/devices/{id}/logs`, `/devices/{id}/events` and `/devices/{id}/metrics`."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from hub.telemetry.service import (
    EventRecord,
    LogRecord,
    MetricPoint,
    Span,
    TelemetryService,
)
from hub.web.envelope import Items
from hub.web.inputs import ListQuery, Moment, Query
from hub.web.route import Call
from protocol.commands import Level
from protocol.ids import CommandIdField, DeviceId


class LogQuery(ListQuery, frozen=True, kw_only=True):
    since: Moment | None = None
    until: Moment | None = None
    level: Level | None = None
    """This level and above."""
    source: str | None = None
    command_id: CommandIdField | None = None


class EventQuery(ListQuery, frozen=True, kw_only=True):
    since: Moment | None = None
    until: Moment | None = None
    type: str | None = None


class MetricQuery(Query, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    since: Moment | None = None
    until: Moment | None = None
    step: Annotated[float, Meta(gt=0, le=86_400 * 30)] | None = None
    """Seconds."""


class TelemetryEndpoints:
    def __init__(self, service: TelemetryService) -> None:
        self._service = service

    async def logs(self, call: Call[LogQuery, None]) -> Items[LogRecord]:
        query = call.query
        return await self._service.logs(
            call.principal.org,
            DeviceId(call.path("id")),
            Span(since=query.since, until=query.until),
            level=query.level,
            source=query.source,
            command_id=query.command_id,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def events(self, call: Call[EventQuery, None]) -> Items[EventRecord]:
        query = call.query
        return await self._service.events(
            call.principal.org,
            DeviceId(call.path("id")),
            Span(since=query.since, until=query.until),
            kind=query.type,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def metrics(self, call: Call[MetricQuery, None]) -> list[MetricPoint]:
        query = call.query
        return await self._service.metrics(
            call.principal.org,
            DeviceId(call.path("id")),
            query.name,
            Span(since=query.since, until=query.until),
            None if query.step is None else timedelta(seconds=query.step),
        )
