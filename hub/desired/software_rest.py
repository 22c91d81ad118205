"""`/devices/{id}/software`: pinned versions, and pardons of what is barred."""

from typing import Any

from msgspec import Struct, field

from hub.desired.sections import SectionRow, SectionStatus, status_of
from hub.desired.software import PinService
from hub.web.inputs import Body
from hub.web.route import Call
from protocol.ids import DeviceId
from protocol.sections import Allowed, Pins


class PinsBody(Body, frozen=True):
    """`pins`: by type of software, the version that the device shall have; what is not named is
    pinned no more. `allow`: SHA-256 of barred artifacts that it may take again."""

    pins: Pins = field(default_factory=dict[str, str])
    allow: Allowed = field(default_factory=list[str])


class PinnedSoftware(Struct, frozen=True, rename="camel", kw_only=True):
    """`taken` is what the device has of it: null while that is not known. `error` is why the device
    could not take this version, which rests until it is set anew."""

    pins: dict[str, str]
    allow: list[str]
    version: str
    hash: str
    status: SectionStatus
    taken: dict[str, Any] | None
    error: dict[str, Any] | None


class PinEndpoints:
    def __init__(self, service: PinService) -> None:
        self._service = service

    async def get(self, call: Call[None, None]) -> PinnedSoftware:
        return _shown(await self._service.get(call.principal.org, DeviceId(call.path("id"))))

    async def set(self, call: Call[None, PinsBody]) -> PinnedSoftware:
        device_id = DeviceId(call.path("id"))
        row = await self._service.set(call.principal, device_id, call.body.pins, call.body.allow)
        return _shown(row)


def _shown(row: SectionRow) -> PinnedSoftware:
    return PinnedSoftware(
        pins=row.document["pins"],
        allow=row.document["allow"],
        version=str(row.version),
        hash=row.hash,
        status=status_of(row),
        taken=row.taken,
        error=row.error,
    )
