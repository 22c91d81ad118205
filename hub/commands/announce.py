"""What follows a commit: callers are answered, dashboards told, figures counted."""

from typing import Protocol

from hub.base import metrics
from hub.commands.records import CommandRow, accepted_event, level_of, result_event
from hub.commands.waiting import Waiters
from hub.telemetry.writer import TelemetryWriter
from protocol.commands import wire_type
from protocol.dashboard import CommandProgressEvent
from protocol.ids import CommandKey, DeviceKey, ReplicaId


class Hints(Protocol):
    """Tells one other replica, soon or never: a sweep there finds out anyway."""

    def send(self, owner: ReplicaId, place: DeviceKey) -> None:
        """There may be something in the ledger for this device of yours."""
        ...

    def cancel(self, owner: ReplicaId, name: CommandKey) -> None:
        """A device of yours is to be asked to stop this command."""
        ...

    def ended(self, accepted_by: ReplicaId, name: CommandKey) -> None:
        """A command that you accepted has ended; a caller may wait for it."""
        ...


class Announcer:
    def __init__(
        self,
        telemetry: TelemetryWriter,
        waiting: Waiters,
        hints: Hints,
        replica_id: ReplicaId,
    ) -> None:
        self._telemetry = telemetry
        self._waiting = waiting
        self._hints = hints
        self._replica_id = replica_id

    def accepted(self, command: CommandRow) -> None:
        metrics.commands_accepted.labels(wire_type(command.type)).inc()
        self._telemetry.publish(command.org, accepted_event(command))

    def ended(self, command: CommandRow) -> None:
        kind = wire_type(command.type)  # names of own commands are without number
        metrics.commands_ended.labels(kind, str(command.status)).inc()
        if command.finished_at is not None:
            seconds = (command.finished_at - command.created_at).total_seconds()
            metrics.command_seconds.labels(kind).observe(seconds)
        self._waiting.ended(command)
        if command.accepted_by != self._replica_id:
            self._hints.ended(command.accepted_by, (command.org, command.command_id))
        self._telemetry.publish(command.org, result_event(command), level_of(command))

    def progressed(self, command: CommandRow, event: CommandProgressEvent) -> None:
        self._telemetry.publish(command.org, event, level_of(command))

    def now(self) -> str:
        return self._telemetry.now()
