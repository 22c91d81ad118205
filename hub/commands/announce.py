"""What follows a commit: callers are answered, dashboards told, figures counted."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from hub.base import metrics
from hub.base.database import Connection
from hub.commands.records import Ledgered, accepted_event, result_event
from hub.commands.store import Name
from hub.commands.waiting import Waiting
from protocol.dashboard import DashboardEvent
from protocol.ids import CommandId, OrgId

MOST_REMEMBERED: Final = 100_000


class Dashboards(Protocol):
    """Where events of the hub's own go (the telemetry floor)."""

    def publish(self, org: OrgId, event: DashboardEvent) -> None: ...
    def now(self) -> str: ...


class CommandListener(Protocol):
    """A floor above that has a part in some commands, in the transaction that changes them."""

    async def accepted(self, connection: Connection, commands: Sequence[Ledgered]) -> None: ...
    async def ended(self, connection: Connection, commands: Sequence[Ledgered]) -> None: ...


class Announcer:
    """`hint_ended` tells the other replicas that a command has ended; a caller may wait there."""

    def __init__(
        self,
        dashboards: Dashboards,
        waiting: Waiting,
        hint_ended: Callable[[OrgId, CommandId], None],
    ) -> None:
        self._dashboards = dashboards
        self._waiting = waiting
        self._hint_ended = hint_ended
        self._from_ledger: set[Name] = set()

    def sent_from_ledger(self, command: Ledgered) -> None:
        """It was claimed here, so another replica may have accepted it."""
        if len(self._from_ledger) >= MOST_REMEMBERED:
            self._from_ledger.clear()  # some ended on other replicas; a hint may always be lost
        self._from_ledger.add((command.org, command.command_id))

    def accepted(self, command: Ledgered) -> None:
        metrics.commands_accepted.labels(command.type).inc()
        self._dashboards.publish(command.org, accepted_event(command))

    def ended(self, command: Ledgered) -> None:
        metrics.commands_ended.labels(command.type, str(command.status)).inc()
        if command.finished_at is not None:
            seconds = (command.finished_at - command.created_at).total_seconds()
            metrics.command_seconds.labels(command.type).observe(seconds)
        self._waiting.ended(command)
        name = (command.org, command.command_id)
        if name in self._from_ledger:
            self._from_ledger.remove(name)
            self._hint_ended(*name)
        self._dashboards.publish(command.org, result_event(command))

    def event(self, org: OrgId, event: DashboardEvent) -> None:
        self._dashboards.publish(org, event)

    def now(self) -> str:
        return self._dashboards.now()
