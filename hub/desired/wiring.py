"""Hands over to devices what they should have and have not."""

from hub.base.foundation import Capability, Foundation
from hub.commands.service import CommandService
from hub.config.service import ConfigService
from hub.desired.rest import DesiredEndpoints
from hub.desired.service import DesiredService
from hub.desired.store import SectionStore
from hub.devices.service import DeviceService
from hub.lines.service import LineService
from protocol.frames import DesiredStatus


def build(
    base: Foundation,
    devices: DeviceService,
    lines: LineService,
    commands: CommandService,
    config: ConfigService,
) -> tuple[DesiredService, Capability]:
    service = DesiredService(SectionStore(base.database), lines, devices, config)
    lines.on_hello(service.said_hello)
    commands.listen(service)
    return service, Capability(
        endpoints=(DesiredEndpoints(service),),
        loops=(service.run, service.watch),
        frames={DesiredStatus: service.reported},
    )
