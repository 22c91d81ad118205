"""How commands are changed: by single statements, or in a transaction with all that belongs to it.

Most changes are single statements, written on the condition that what was read still holds. Where
it does not, or where a listener has a part, they take a transaction that locks what it reads.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from hub.base.database import Connection, Database, Raced
from hub.base.errors import HubError, Unavailable
from hub.commands.decisions import NewCommand
from hub.commands.records import CommandRow, accepted_event, level_of, result_event
from hub.telemetry.writer import OrgEvent, Taps, stream_event
from protocol.dashboard import CommandProgressEvent
from protocol.ids import CommandKey, OrgId

T = TypeVar("T")

ATTEMPTS: Final = 4

Attempt = Callable[[Connection, bool], Awaitable[T]]
"""Given a connection, and whether it is in a transaction: then it locks what it reads."""


async def commit(database: Database, attempt: Attempt[T], *, locked: bool = False) -> T:
    """What `attempt` answers; when it raises `Raced` it is made again, `locked`. Raises
    `Unavailable`."""
    for _ in range(ATTEMPTS):
        try:
            async with database.transaction() if locked else database.connection() as connection:
                return await attempt(connection, locked)
        except Raced:
            locked = True  # what others did meanwhile is seen now, and they wait
    raise Unavailable("too many replicas are changing the same commands", retry_after=1)


class CommandListener(Protocol):
    """A floor above that has a part in some commands, in the transaction that changes them."""

    types: frozenset[str]
    """The commands that it has a part in; it may be told of others too."""

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandKey, HubError]:
        """Those that must not be accepted, and why; with the devices locked."""
        ...

    async def accepted(self, connection: Connection, commands: Sequence[CommandRow]) -> None: ...
    async def ended(self, connection: Connection, commands: Sequence[CommandRow]) -> None: ...


ACCEPTED: Final = "command_accepted"
PROGRESS: Final = "command_progress"
RESULT: Final = "command_result"


class Listeners:
    """The floors above that have a part in commands: they come before the first command; and those
    who keep what becomes of commands for somebody outside. What they are told of is in a
    transaction."""

    def __init__(self, taps: Taps) -> None:
        self._all: list[CommandListener] = []
        self._taps = taps
        self.types = frozenset[str]()
        """The command types of which somebody wants to be told in their transaction."""

    def concern(self, org: OrgId, kind: str, event: str) -> bool:
        """Whether this happens to a command of this type in a transaction."""
        return kind in self.types or self._taps.wants(org, event)

    def add(self, listener: CommandListener) -> None:
        self._all.append(listener)
        self.types |= listener.types

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandKey, HubError]:
        refused: dict[CommandKey, HubError] = {}
        for listener in self._all:
            refused |= await listener.judge(connection, commands)
        return refused

    async def accepted(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        for listener in self._all if commands else ():
            await listener.accepted(connection, commands)
        wants = self._taps.wants
        events = [_accepted(each) for each in commands if wants(each.org, ACCEPTED)]
        ends = [_ended(each) for each in commands if each.ended and wants(each.org, RESULT)]
        await self._taps.keep(connection, [*events, *ends])

    async def progressed(
        self, connection: Connection, events: Sequence[tuple[CommandRow, CommandProgressEvent]]
    ) -> None:
        await self._taps.keep(
            connection,
            [
                (each.org, stream_event(event, level_of(each)))
                for each, event in events
                if self._taps.wants(each.org, PROGRESS)
            ],
        )

    async def ended(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        for listener in self._all if commands else ():
            await listener.ended(connection, commands)
        ends = [_ended(each) for each in commands if self._taps.wants(each.org, RESULT)]
        await self._taps.keep(connection, ends)


def _accepted(command: CommandRow) -> OrgEvent:
    return command.org, stream_event(accepted_event(command))


def _ended(command: CommandRow) -> OrgEvent:
    return command.org, stream_event(result_event(command), level_of(command))
