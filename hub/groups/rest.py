"""`/device-groups`."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.base.errors import Forbidden, NotFound
from hub.base.paging import Items
from hub.base.zones import Zone
from hub.commands.rest import CommandEndpoints, DispatchBody
from hub.devices.rest import Device, device_of
from hub.devices.service import DeviceFilter, DeviceService
from hub.groups.service import GroupRow, GroupService
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ids import DeviceIdField


class GroupBody(Body, frozen=True):
    """With a query the group is a dynamic one: its members are the devices that it means."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    query: str | UnsetType = UNSET
    timezone: Zone | UnsetType | None = UNSET
    """Of its devices that have none of their own; of several groups the first by name counts."""


class MembersBody(Body, frozen=True):
    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=10_000)]


class Group(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    query: str | None
    """Of a dynamic group: whom it means."""
    trusted: bool
    """No device comes in by what it says of itself."""
    timezone: str | None
    member_count: int
    evaluated_at: str | None
    """Of a dynamic group, when its query was last asked of all devices."""
    created_at: str


class GroupEndpoints:
    def __init__(
        self, service: GroupService, devices: DeviceService, commands: CommandEndpoints
    ) -> None:
        self._service = service
        self._devices = devices
        self._commands = commands

    async def create(self, call: Call[None, GroupBody]) -> Answer:
        if not call.principal.rights.anywhere("device-groups:create", call.body.name):
            raise Forbidden(f"you may not create a group named {call.body.name}")
        zone = None if call.body.timezone is UNSET else call.body.timezone
        group = await self._service.create(call.principal, call.body.name, _query(call.body), zone)
        return Answer(_group(group), status=201, location=f"/api/v1/device-groups/{group.group_id}")

    async def list(self, call: Call[ListQuery, None]) -> Items[Group]:
        page = await self._service.list(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        mine = [row for row in page.items if _may(call, "list", row)]
        return Items([_group(row) for row in mine], page.next)

    async def _named(self, call: Call[Any, Any], verb: str) -> GroupRow:
        """The group of the path. Raises `NotFound`, also where the caller's rights are for groups
        of other names."""
        group = await self._service.get(call.principal.org, call.path("id"))
        if not _may(call, verb, group):
            raise NotFound("no such group")
        return group

    async def get(self, call: Call[None, None]) -> Group:
        return _group(await self._named(call, "get"))

    async def change(self, call: Call[None, GroupBody]) -> Group:
        named = await self._named(call, "update")
        if not _may(call, "update", structs.replace(named, name=call.body.name)):
            raise Forbidden(f"you have no right over groups named {call.body.name}")
        name, query = call.body.name, _query(call.body)
        return _group(
            await self._service.change(
                call.principal, named.group_id, name, query, call.body.timezone
            )
        )

    async def delete(self, call: Call[None, None]) -> None:
        await self._named(call, "delete")
        await self._service.delete(call.principal, call.path("id"))

    async def members(self, call: Call[ListQuery, None]) -> Items[Device]:
        group_id = (await self._named(call, "get")).group_id
        page = await self._devices.list(
            call.principal.org,
            DeviceFilter(group_id=group_id),
            cursor=call.query.cursor,
            limit=call.query.limit,
        )
        return Items([device_of(row) for row in page.items], page.next)

    async def add(self, call: Call[None, MembersBody]) -> Group:
        await self._named(call, "update")
        return _group(
            await self._service.add(call.principal, call.path("id"), call.body.device_ids)
        )

    async def remove(self, call: Call[None, MembersBody]) -> Group:
        await self._named(call, "update")
        return _group(
            await self._service.remove(call.principal, call.path("id"), call.body.device_ids)
        )

    async def dispatch(self, call: Call[None, DispatchBody]) -> Answer:
        """A bulk call over the members."""
        group = await self._service.get(call.principal.org, call.path("id"))
        members = await self._service.members(call.principal.org, [group.group_id])
        return await self._commands.bulk_over(call, members)


def _may(call: Call[Any, Any], verb: str, group: GroupRow) -> bool:
    return call.principal.rights.anywhere(f"device-groups:{verb}", group.name)


def _query(body: GroupBody) -> str | None:
    return None if body.query is UNSET else body.query


def _group(row: GroupRow) -> Group:
    return Group(
        id=row.group_id,
        name=row.name,
        query=row.query,
        trusted=row.trusted,
        timezone=row.timezone,
        evaluated_at=None if row.evaluated_at is None else rfc3339(row.evaluated_at),
        member_count=row.member_count,
        created_at=rfc3339(row.created_at),
    )
