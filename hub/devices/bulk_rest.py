"""`/devices/bulk`."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.base.errors import NotFound, invalid
from hub.devices.bulk import BulkService, Sorted
from hub.web.inputs import Body
from hub.web.route import Call
from protocol.ids import DeviceId, DeviceIdField

MOST: Final = 10_000
SAMPLE: Final = 50


class DeviceBulkBody(Body, frozen=True, kw_only=True):
    device_ids: Annotated[list[DeviceIdField], Meta(min_length=1, max_length=MOST)]
    do: Literal["delete"]
    dry_run: bool = False
    """Only say what would be done."""
    confirm: Annotated[int, Meta(ge=0)] | None = None
    """How many devices it is meant to be, as a dry run has counted them."""


class RefusedDevice(Struct, frozen=True, rename="camel"):
    device_id: DeviceId
    code: str


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
        body = call.body
        device_ids = [DeviceId(each) for each in body.device_ids]
        if body.dry_run:
            return _planned(await self._service.sort(call.principal, device_ids))
        if body.confirm is None:
            raise invalid("confirm", "confirm the number of devices")
        return _done(await self._service.delete(call.principal, device_ids, confirm=body.confirm))


def _planned(wanted: Sorted) -> DeviceBulk:
    return DeviceBulk(
        count=len(wanted.known), sample=wanted.known[:SAMPLE], refused=len(wanted.unknown)
    )


def _done(done: Sorted) -> DeviceBulk:
    refused = [RefusedDevice(each, str(NotFound.code)) for each in done.unknown]
    return DeviceBulk(changed=len(done.known), refused=refused)
