"""Knows what devices' own commands are."""

from hub.base.foundation import Capability, Foundation, Timer
from hub.lines.service import LineService
from hub.own.rest import OwnEndpoints
from hub.own.service import OwnService
from hub.own.store import OwnStore
from protocol.own import CustomCommands


def build(base: Foundation, lines: LineService) -> tuple[OwnService, Capability]:
    service = OwnService(
        OwnStore(base.database),
        lines,
        least=base.settings.own_command_danger,
        spawn=base.spawn,
    )
    lines.on_hello(service.said_hello)
    return service, Capability(
        endpoints=(OwnEndpoints(service),),
        timers=(Timer(1.0, service.ask_again),),
        frames={CustomCommands: service.described},
        clean_up=lambda _: service.clean_up(),
    )
