"""`/devices/bulk`."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from hub.base.errors import invalid
from hub.base.zones import Zone
from hub.devices.bulk import MOST, BulkChange, BulkService, RefusedDevice
from hub.devices.labels import LabelsPatch
from hub.web.inputs import Body, Text
from hub.web.route import Call
from protocol.ids import DeviceId, DeviceIdField

SAMPLE: Final = 50


class DeviceSetBody(Body, frozen=True, kw_only=True):
    labels: LabelsPatch = field(default_factory=dict[str, str | None])
    """Merged with those that each has; null takes one away."""
    name: Text | None = None
    """For one device."""
    timezone: Zone | UnsetType | None = UNSET
    """Null takes their own away."""


class DeviceBulkBody(Body, frozen=True, kw_only=True):
    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=MOST)] | None = None
    """These, or those that `query` means."""
    query: str | None = None
    do: Literal["delete", "quarantine", "release"] | None = None
    """This, or `set`."""
    set: DeviceSetBody | None = None
    reason: Text | None = None
    """Of a quarantine, or its end."""
    dry_run: bool = False
    """Only say what would be done."""
    confirm: Annotated[int, Meta(ge=0)] | None = None
    """How many devices it is meant to be, as a dry run has counted them; a deletion needs it."""


class DeviceBulk(Struct, frozen=True, rename="camel", kw_only=True):
    """A dry run answers `count`, a `sample` of 50 ids and how many are refused; else how many were
    `changed`, and each that was refused."""

    refused: int | list[RefusedDevice]
    count: int | UnsetType = UNSET
    sample: list[DeviceId] | UnsetType = UNSET
    changed: int | UnsetType = UNSET


class BulkEndpoints:
    def __init__(self, service: BulkService) -> None:
        self._service = service

    async def bulk(self, call: Call[None, DeviceBulkBody]) -> DeviceBulk:
        body, by = call.body, call.principal
        change = _change(body)
        if (body.device_ids is None) == (body.query is None):
            raise invalid("deviceIds", "name the devices by deviceIds or by a query")
        if body.query is not None:
            named = await self._service.found(by.org, body.query)
        else:
            named = [DeviceId(each) for each in body.device_ids or ()]
        wanted = await self._service.sort(by, change.deed, named)
        if body.dry_run:
            return DeviceBulk(
                count=len(wanted.known), sample=wanted.known[:SAMPLE], refused=len(wanted.refused)
            )
        done = await self._service.apply(by, change, wanted, confirm=body.confirm)
        return DeviceBulk(changed=len(done.known), refused=done.refused)


def _change(body: DeviceBulkBody) -> BulkChange:
    if (body.do is None) == (body.set is None):
        raise invalid("do", "say what to do by do or by set")
    change = BulkChange(deed=body.do or "set")
    if body.set is not None:
        change = BulkChange(
            deed="set",
            labels=body.set.labels,
            name=body.set.name,
            timezone=body.set.timezone,
        )
    elif body.reason is not None:
        change = BulkChange(deed=change.deed, reason=body.reason)
    return change
