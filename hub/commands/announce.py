"""What follows a commit: callers are answered, dashboards told, figures counted."""

from collections.abc import Sequence
from typing import Protocol

from hub.base import metrics
from hub.base.database import Connection
from hub.commands.records import Ledgered, accepted_event, result_event
from hub.commands.waiting import Waiting
from protocol.dashboard import DashboardEvent
from protocol.ids import OrgId


class Dashboards(Protocol):
    """Where events of the hub's own go (the telemetry floor)."""

    def publish(self, org: OrgId, event: DashboardEvent) -> None: ...
    def now(self) -> str: ...


class CommandListener(Protocol):
    """A floor above that has a part in some commands, in the transaction that changes them."""

    async def accepted(self, connection: Connection, commands: Sequence[Ledgered]) -> None: ...
    async def ended(self, connection: Connection, commands: Sequence[Ledgered]) -> None: ...


class Announcer:
    def __init__(self, dashboards: Dashboards, waiting: Waiting) -> None:
        self._dashboards = dashboards
        self._waiting = waiting

    def accepted(self, command: Ledgered) -> None:
        metrics.commands_accepted.labels(command.type).inc()
        self._dashboards.publish(command.org, accepted_event(command))

    def ended(self, command: Ledgered) -> None:
        metrics.commands_ended.labels(command.type, str(command.status)).inc()
        if command.finished_at is not None:
            seconds = (command.finished_at - command.created_at).total_seconds()
            metrics.command_seconds.labels(command.type).observe(seconds)
        self._waiting.ended(command)
        self._dashboards.publish(command.org, result_event(command))

    def event(self, org: OrgId, event: DashboardEvent) -> None:
        self._dashboards.publish(org, event)

    def now(self) -> str:
        return self._dashboards.now()
