"""`/command-types`."""

from typing import Annotated, Final

from msgspec import Meta

from hub.base.errors import invalid
from hub.own.common import CommandTypeItem
from hub.own.service import OwnService
from hub.web.inputs import Query, Text
from hub.web.route import Call
from protocol.ids import DeviceId, DeviceIdField

MOST_DEVICES: Final = 200


class CommandTypesQuery(Query, frozen=True, kw_only=True):
    """Of devices, or of a group; without either, of all devices."""

    device_id: Annotated[list[DeviceIdField], Meta(max_length=MOST_DEVICES)] | None = None
    group_id: Text | None = None


class OwnEndpoints:
    def __init__(self, service: OwnService) -> None:
        self._service = service

    async def types(self, call: Call[CommandTypesQuery, None]) -> list[CommandTypeItem]:
        named, group_id = call.query.device_id, call.query.group_id
        if named is not None and group_id is not None:
            raise invalid("groupId", "either deviceId or groupId")
        whose = group_id if named is None else [DeviceId(each) for each in named]
        return await self._service.types(call.principal.org, whose)
