"""`/devices/{id}/logs`, `/devices/{id}/events` and `/devices/{id}/metrics`."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from hub.base.errors import invalid
from hub.base.paging import Items
from hub.telemetry.reader import (
    EventRecord,
    LogRecord,
    MetricPoint,
    Span,
    StateChange,
    TelemetryReader,
)
from hub.web.inputs import Body, ListQuery, Moment, Query
from hub.web.route import Call
from protocol.commands import Level
from protocol.ids import CommandIdField, DeviceId, DeviceIdField

StoredType = Literal["status", "scan", "print", "event", "alert", "workload_status"]
"""Of the events that a device has: its log lines and commands are elsewhere."""
MOST_DEVICES: Final = 200
MOST_POINTS: Final = 2_000
MOST_FLEET_POINTS: Final = 200
"""For each device: what a small chart can show."""


class LogQuery(ListQuery, frozen=True, kw_only=True):
    since: Moment | None = None
    until: Moment | None = None
    level: Level | None = None
    """This level and above."""
    source: str | None = None
    command_id: CommandIdField | None = None
    q: Annotated[str, Meta(max_length=256)] | None = None
    """Part of the line, in upper or lower case."""


class EventQuery(ListQuery, frozen=True, kw_only=True):
    since: Moment | None = None
    until: Moment | None = None
    type: list[StoredType] | None = None
    """Any of these."""
    presence: bool = False
    """Only what the hub itself said: that a line opened or closed."""


class StateQuery(Query, frozen=True, kw_only=True):
    since: Moment | None = None
    """A day before `until` when it is not given."""
    until: Moment | None = None


MetricName = Annotated[str, Meta(min_length=1, max_length=128)]
StepSeconds = Annotated[float, Meta(gt=0, le=86_400 * 30)]


class MetricQuery(Query, frozen=True, kw_only=True):
    name: MetricName
    since: Moment | None = None
    until: Moment | None = None
    step: StepSeconds | None = None
    """Seconds."""


class FleetMetricQuery(MetricQuery, frozen=True, kw_only=True):
    device_ids: Annotated[str, Meta(min_length=1, max_length=MOST_DEVICES * 129)]
    """Separated by commas, 200 at most."""


class FleetMetricBody(Body, frozen=True, kw_only=True):
    """The same for more ids than a URL holds."""

    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=MOST_DEVICES)]
    name: MetricName
    since: Moment | None = None
    until: Moment | None = None
    step: StepSeconds | None = None
    """Seconds."""


class TelemetryEndpoints:
    def __init__(self, reader: TelemetryReader) -> None:
        self._reader = reader

    async def logs(self, call: Call[LogQuery, None]) -> Items[LogRecord]:
        query = call.query
        return await self._reader.logs(
            call.principal.org,
            DeviceId(call.path("id")),
            Span(since=query.since, until=query.until),
            level=query.level,
            source=query.source,
            command_id=query.command_id,
            q=query.q,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def events(self, call: Call[EventQuery, None]) -> Items[EventRecord]:
        query = call.query
        return await self._reader.events(
            call.principal.org,
            DeviceId(call.path("id")),
            Span(since=query.since, until=query.until),
            kinds=query.type,
            only_presence=query.presence,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def states(self, call: Call[StateQuery, None]) -> list[StateChange]:
        span = Span(since=call.query.since, until=call.query.until)
        return await self._reader.states(call.principal.org, DeviceId(call.path("id")), span)

    async def metrics(self, call: Call[MetricQuery, None]) -> list[MetricPoint]:
        device_id = DeviceId(call.path("id"))
        found = await self._metrics(call, call.query, [device_id], most_points=MOST_POINTS)
        return found.get(device_id, [])

    async def fleet_metrics(
        self, call: Call[FleetMetricQuery, None]
    ) -> dict[DeviceId, list[MetricPoint]]:
        device_ids = [DeviceId(part) for part in call.query.device_ids.split(",")]
        if len(device_ids) > MOST_DEVICES:
            raise invalid("deviceIds", f"{MOST_DEVICES} at most")
        return await self._metrics(call, call.query, device_ids, most_points=MOST_FLEET_POINTS)

    async def many_metrics(
        self, call: Call[None, FleetMetricBody]
    ) -> dict[DeviceId, list[MetricPoint]]:
        device_ids = [DeviceId(device_id) for device_id in call.body.device_ids]
        return await self._metrics(call, call.body, device_ids, most_points=MOST_FLEET_POINTS)

    async def _metrics(
        self,
        call: Call[Any, Any],
        query: MetricQuery | FleetMetricBody,
        device_ids: list[DeviceId],
        *,
        most_points: int,
    ) -> dict[DeviceId, list[MetricPoint]]:
        return await self._reader.metrics(
            call.principal.org,
            device_ids,
            query.name,
            Span(since=query.since, until=query.until),
            None if query.step is None else timedelta(seconds=query.step),
            most_points=most_points,
        )

    async def metric_names(self, call: Call[None, None]) -> list[str]:
        return await self._reader.metric_names(call.principal.org, DeviceId(call.path("id")))

    async def log_sources(self, call: Call[None, None]) -> list[str]:
        return await self._reader.log_sources(call.principal.org, DeviceId(call.path("id")))
