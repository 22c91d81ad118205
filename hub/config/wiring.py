"""Keeps what the configuration of a device should be and what it is."""

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.commands.service import CommandService
from hub.config.rest import ConfigEndpoints
from hub.config.service import ConfigService
from hub.config.store import ConfigStore
from hub.lines.service import LineService


def build(
    base: Foundation, audit: AuditService, lines: LineService, commands: CommandService
) -> tuple[ConfigService, Capability]:
    service = ConfigService(ConfigStore(base.database), audit, lines.hand_over)
    lines.on_hello(service.said_hello)
    commands.listen(service)
    return service, Capability(
        endpoints=(ConfigEndpoints(service, commands),), clean_up=lambda _: service.clean_up()
    )
