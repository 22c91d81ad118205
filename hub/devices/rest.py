"""`/devices` and `/devices/{id}`."""

from msgspec import UNSET, Struct, UnsetType, field
from starlette.requests import Request

from hub.base.errors import invalid
from hub.base.paging import Items
from hub.base.principal import Principal
from hub.base.zones import Zone
from hub.devices.labels import Labels, LabelsPatch, Tags, tagged, tags_of
from hub.devices.service import (
    ConnectedRow,
    DeviceAgent,
    DeviceChange,
    DeviceFilter,
    DeviceRow,
    DeviceService,
    Quarantine,
    SmallSections,
)
from hub.queries.service import QueryService
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339
from protocol.frames import ConnectionMode
from protocol.ids import DEVICE_ID_RULE, DeviceId, DeviceIdField, is_device_id
from protocol.telemetry import ShownStatus


class DeviceQuery(ListQuery, frozen=True, kw_only=True):
    q: str | None = None
    """Part of the id or the name."""
    status: list[ShownStatus] | None = None
    """Any of these."""
    group_id: str | None = None
    tag: str | None = None
    connected: bool | None = None
    query: str | None = None
    """In the query language; with the others, all of it holds."""


class DeviceBody(Body, frozen=True):
    id: DeviceIdField
    name: Text | None = None
    company_id: Text | None = None
    production_line_id: Text | None = None
    tags: Tags = field(default_factory=list)
    labels: Labels = field(default_factory=dict[str, str])
    timezone: Zone | None = None


class DevicePatch(Body, frozen=True):
    name: Text | None = None
    company_id: Text | None = None
    production_line_id: Text | None = None
    tags: Tags | None = None
    """All that it has, or `labels`."""
    labels: LabelsPatch | None = None
    """Merged with those that it has; null takes one away."""
    timezone: Zone | UnsetType | None = UNSET
    """Null takes its own away: then that of its groups counts, or of the organisation."""
    disabled: bool | None = None


class ConnectionModeBody(Body, frozen=True):
    mode: ConnectionMode


class ShownQuarantine(Struct, frozen=True, kw_only=True):
    since: str
    by: str
    reason: str


class Device(Struct, frozen=True, rename="camel", kw_only=True):
    id: DeviceId
    name: str
    status: str
    connected: bool
    replica_id: str | None
    generation: int | None
    connection_mode: ConnectionMode
    version: str | None
    """Of its agent."""
    versions: dict[str, str]
    """Of its other software, by type."""
    installers: list[str] | None
    """The types that it installs; null for a device that does not say."""
    barred: list[str]
    """SHA-256 of artifacts that it takes no more, because they failed on it."""
    unsigned: bool | None
    """Whether it takes artifacts that nobody has signed; null for a device that does not say."""
    update_source: str | None
    """Who decides its versions: `hub`, or the address where it looks by itself; null for a device
    that does not say."""
    company_id: str | None
    production_line_id: str | None
    tags: list[str]
    """The labels without a value."""
    labels: dict[str, str]
    timezone: str
    """Its own, else that of the first of its groups by name that has one, else of its
    organisation."""
    own_timezone: str | None
    group_ids: list[str]
    disabled: bool
    quarantine: ShownQuarantine | None
    """Who has put it there last, and why; null for a device that is in none."""
    metrics: dict[str, float]
    agents: list[DeviceAgent]
    last_seen: str | None
    created_at: str
    wanted: SmallSections
    """What the device should have, beside its configuration."""
    taken: SmallSections
    """What it has, as far as it says."""


class ConnectedDevice(Struct, frozen=True, rename="camel", kw_only=True):
    id: DeviceId
    replica_id: str
    generation: int
    connected_at: str


class DeviceEndpoints:
    def __init__(self, service: DeviceService, queries: QueryService) -> None:
        self._service = service
        self._queries = queries

    async def list(self, call: Call[DeviceQuery, None]) -> Items[Device]:
        query, org = call.query, call.principal.org
        wanted = DeviceFilter(
            q=query.q,
            status=query.status,
            group_id=query.group_id,
            tag=query.tag,
            connected=query.connected,
            query=None if query.query is None else await self._queries.read(org, query.query),
        )
        page = await self._service.list(org, wanted, cursor=query.cursor, limit=query.limit)
        return Items([device_of(row) for row in page.items], page.next)

    async def connected(self, call: Call[ListQuery, None]) -> Items[ConnectedDevice]:
        page = await self._service.connected(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_connected(row) for row in page.items], page.next)

    async def get(self, call: Call[None, None]) -> Device:
        return device_of(await self._service.get(call.principal.org, DeviceId(call.path("id"))))

    async def create(self, call: Call[None, DeviceBody]) -> Answer:
        body = call.body
        if not is_device_id(body.id):
            raise invalid("id", DEVICE_ID_RULE)
        labels = tagged(body.labels, [*body.tags, *tags_of(body.labels)])
        device = await self._service.create(
            call.principal,
            DeviceId(body.id),
            name=body.name,
            company_id=body.company_id,
            production_line_id=body.production_line_id,
            labels=labels,
            timezone=body.timezone,
        )
        return Answer(device_of(device), status=201, location=f"/api/v1/devices/{device.device_id}")

    async def change(self, call: Call[None, DevicePatch]) -> Device:
        if call.body.tags is not None and call.body.labels is not None:
            raise invalid("tags", "change the tags or the labels: a tag is a label without a value")
        change = DeviceChange(
            name=call.body.name,
            company_id=call.body.company_id,
            production_line_id=call.body.production_line_id,
            tags=call.body.tags,
            labels=call.body.labels,
            timezone=call.body.timezone,
            disabled=call.body.disabled,
        )
        return await self._changed(call, change, "device.update")

    async def connection_mode(self, call: Call[None, ConnectionModeBody]) -> Device:
        change = DeviceChange(connection_mode=call.body.mode)
        return await self._changed(call, change, "device.connection_mode")

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, DeviceId(call.path("id")))

    async def exists(self, principal: Principal, request: Request) -> None:
        """For routes below `/devices/{id}`: raises `NotFound`."""
        await self._service.require(principal.org, request.path_params["id"])

    async def _changed(
        self,
        call: "Call[None, DevicePatch] | Call[None, ConnectionModeBody]",
        change: DeviceChange,
        action: str,
    ) -> Device:
        device_id = DeviceId(call.path("id"))
        return device_of(
            await self._service.change(call.principal, device_id, change, action=action)
        )


def _connected(row: ConnectedRow) -> ConnectedDevice:
    return ConnectedDevice(
        id=row.device_id,
        replica_id=row.replica_id,
        generation=row.generation,
        connected_at=rfc3339(row.connected_at),
    )


def _quarantine(row: Quarantine | None) -> ShownQuarantine | None:
    if row is None:
        return None
    return ShownQuarantine(since=rfc3339(row.since), by=row.by, reason=row.reason)


def device_of(row: DeviceRow) -> Device:
    return Device(
        id=row.device_id,
        name=row.name,
        status=row.status,
        connected=row.connected,
        replica_id=row.replica_id,
        generation=row.generation,
        connection_mode=row.connection_mode,
        version=row.version,
        versions=row.software.versions,
        installers=row.software.installers,
        barred=row.software.barred,
        unsigned=row.software.unsigned,
        update_source=row.software.update_source,
        company_id=row.company_id,
        production_line_id=row.production_line_id,
        tags=tags_of(row.labels),
        labels=row.labels,
        timezone=row.zone,
        own_timezone=row.timezone,
        group_ids=row.group_ids,
        disabled=row.disabled,
        quarantine=_quarantine(row.quarantine),
        metrics=row.metrics,
        agents=row.agents,
        last_seen=at(row.last_seen),
        created_at=rfc3339(row.created_at),
        wanted=row.wanted,
        taken=row.taken,
    )
