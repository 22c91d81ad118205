"""Acceptance: calls of a moment are committed together, then their commands are sent."""

from collections.abc import Sequence

from hub.audit.service import AuditService
from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection
from hub.base.errors import Unavailable
from hub.commands.acceptance import Acceptance, Intake, Taken
from hub.commands.announce import Announcer, CommandListener
from hub.commands.records import Ledgered
from hub.commands.sending import Sender
from hub.commands.store import CommandStore, Name, Raced


class Intakes:
    def __init__(
        self,
        store: CommandStore,
        audit: AuditService,
        sender: Sender,
        announcer: Announcer,
        listeners: Sequence[CommandListener],
    ) -> None:
        self._store = store
        self._audit = audit
        self._sender = sender
        self._announcer = announcer
        self._listeners = listeners
        self._batcher = Batcher(self._accept, limit=500)

    async def take(self, intake: Intake) -> Taken:
        """Commit a call's commands and begin to send them.

        Raises `Conflict` for the key of another request, `Unavailable`, `Overloaded`.
        """
        taken = await self._batcher.put(intake)
        if taken.refused is not None:
            raise taken.refused
        return taken

    async def run(self) -> None:
        await self._batcher.run()

    async def _accept(self, intakes: list[Intake]) -> list[Taken]:
        metrics.batch_size.labels("accept").observe(len(intakes))
        with metrics.batch_seconds.labels("accept").time():
            for _ in range(3):
                try:
                    return await self._accept_once(intakes)
                except Raced:
                    continue  # another replica took an id or a key meanwhile: it is seen now
        raise Unavailable("too many replicas accept the same commands", retry_after=1)

    async def _accept_once(self, intakes: list[Intake]) -> list[Taken]:
        group = Acceptance(intakes)
        async with self._store.database.transaction() as connection:
            wanted = group.keys_wanted()
            group.decide(
                keys=await self._store.keys(connection, wanted) if wanted else {},
                targets=await self._store.targets(connection, group.places_wanted()),
                existing=await self._store.existing(connection, group.names_wanted()),
                ready=self._sender.ready,
            )
            rows = await self._write(connection, group)
        for insert in group.inserts:
            self._accepted(rows[insert.new.org, insert.new.command_id])
        return group.outcomes(rows)

    async def _write(self, connection: Connection, group: Acceptance) -> dict[Name, Ledgered]:
        if not group.inserts:
            return {}
        rows = await self._store.insert(connection, group.inserts)
        if group.keys:
            await self._store.add_keys(connection, group.keys)
        await self._audit.record(connection, *group.deeds)
        for listener in self._listeners:
            await listener.accepted(connection, list(rows.values()))
        return rows

    def _accepted(self, command: Ledgered) -> None:
        self._announcer.accepted(command)
        self._sender.accepted(command)
        if command.ended:
            self._announcer.ended(command)
