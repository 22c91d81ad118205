"""Hands over to devices what they should have and have not."""

from collections.abc import Callable

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.commands.service import CommandService
from hub.config.service import ConfigService
from hub.desired.rest import DesiredEndpoints
from hub.desired.service import DesiredService
from hub.desired.software import PinService
from hub.desired.software_rest import PinEndpoints
from hub.desired.store import SectionStore
from hub.devices.service import DeviceService
from hub.lines.service import LineService
from protocol.frames import DesiredStatus
from protocol.ids import DeviceKey


def build(
    base: Foundation,
    audit: AuditService,
    devices: DeviceService,
    lines: LineService,
    commands: CommandService,
    config: ConfigService,
    *,
    hint_desired: Callable[[DeviceKey], None],
) -> tuple[DesiredService, Capability]:
    store = SectionStore(base.database)
    service = DesiredService(store, lines, devices, config)
    pins = PinService(store, audit, devices, hint_desired)
    lines.on_hello(service.said_hello)
    commands.listen(service)
    return service, Capability(
        endpoints=(DesiredEndpoints(service), PinEndpoints(pins)),
        loops=(service.run, service.watch),
        frames={DesiredStatus: service.reported},
    )
