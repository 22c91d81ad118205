"""Keeps what the configuration of a device should be and what it is."""

from collections.abc import Awaitable, Callable

from hub.audit.service import AuditService
from hub.base.foundation import Capability, Foundation
from hub.commands.service import CommandService
from hub.config.defaults_rest import GroupConfigEndpoints
from hub.config.group_defaults import GroupDefaults
from hub.config.rest import ConfigEndpoints
from hub.config.service import ConfigService
from hub.config.store import ConfigStore
from hub.lines.service import LineService
from protocol.ids import OrgId


def build(
    base: Foundation,
    audit: AuditService,
    lines: LineService,
    commands: CommandService,
    *,
    rate_of: Callable[[OrgId], Awaitable[int]],
) -> tuple[ConfigService, GroupDefaults, Capability]:
    """`rate_of`: devices of a group a minute that get what it gives."""
    store = ConfigStore(base.database)
    service = ConfigService(store, audit, lines.hand_over)
    defaults = GroupDefaults(store, audit, rate_of)
    lines.on_hello(service.said_hello)
    commands.listen(service)
    return (
        service,
        defaults,
        Capability(
            endpoints=(ConfigEndpoints(service, commands), GroupConfigEndpoints(defaults, service)),
            jobs=(defaults.turns,),
            clean_up=lambda _: service.clean_up(),
        ),
    )
