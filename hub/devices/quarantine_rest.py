"""`/devices/{id}/quarantine` and `/devices/{id}/release`."""

from hub.devices.quarantine import QuarantineService
from hub.devices.rest import Device, device_of
from hub.web.inputs import Body, Text
from hub.web.route import Call
from protocol.ids import DeviceId


class QuarantineBody(Body, frozen=True):
    reason: Text


class ReleaseBody(Body, frozen=True):
    reason: Text | None = None


class QuarantineEndpoints:
    def __init__(self, service: QuarantineService) -> None:
        self._service = service

    async def begin(self, call: Call[None, QuarantineBody]) -> Device:
        device_id = DeviceId(call.path("id"))
        return device_of(await self._service.begin(call.principal, device_id, call.body.reason))

    async def release(self, call: Call[None, ReleaseBody]) -> Device:
        device_id = DeviceId(call.path("id"))
        return device_of(await self._service.release(call.principal, device_id, call.body.reason))
