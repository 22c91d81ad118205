"""Acceptance: calls of a moment are committed together, then their commands are sent."""

from collections.abc import Sequence

from hub.audit.service import AuditService
from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection
from hub.base.errors import HubError, Unavailable
from hub.commands.acceptance import Acceptance, Intake, Taken
from hub.commands.announce import Announcer, CommandListener
from hub.commands.records import Ledgered
from hub.commands.sending import Sender
from hub.commands.store import CommandStore, Name, Raced
from protocol.ids import ReplicaId


class Intakes:
    def __init__(
        self,
        store: CommandStore,
        audit: AuditService,
        sender: Sender,
        announcer: Announcer,
        listeners: Sequence[CommandListener],
        replica_id: ReplicaId,
    ) -> None:
        self._store = store
        self._audit = audit
        self._sender = sender
        self._announcer = announcer
        self._listeners = listeners
        self._replica_id = replica_id
        self._batcher = Batcher(self._accept, limit=500)

    async def take(self, intake: Intake) -> Taken:
        """Commit a call's commands and begin to send them.

        Raises `Conflict` for the key of another request, the call's own problem, `Unavailable`,
        `Overloaded`.
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
                    return await self._accept_once(Acceptance(intakes))
                except Raced:
                    continue  # another replica took an id or a key meanwhile: it is seen now
        raise Unavailable("too many replicas accept the same commands", retry_after=1)

    async def _accept_once(self, group: Acceptance) -> list[Taken]:
        try:
            async with self._store.database.transaction() as connection:
                wanted, names = group.keys_wanted(), group.names_wanted()
                targets = await self._store.targets(connection, group.places_wanted())
                refused: dict[Name, HubError] = {}
                for listener in self._listeners:
                    refused |= await listener.judge(connection, group.commands())
                group.decide(
                    keys=await self._store.keys(connection, wanted) if wanted else {},
                    targets=targets,
                    existing=await self._store.existing(connection, names) if names else {},
                    ready=self._sender.ready,
                    refused=refused,
                )
                rows = await self._write(connection, group)
        except Unavailable:
            # The commit may have gone through all the same: what is in the ledger must be sent.
            for place in group.places_wanted():
                self._sender.look(place)
            raise
        for insert in group.inserts:
            command = rows[insert.new.org, insert.new.command_id]
            self._accepted(command, targets[command.org, command.device_id].owner)
        return group.outcomes(rows)

    async def _write(self, connection: Connection, group: Acceptance) -> dict[Name, Ledgered]:
        if not group.inserts:
            return {}
        rows = await self._store.insert(connection, group.inserts, by=self._replica_id)
        if group.keys:
            await self._store.add_keys(connection, group.keys)
        await self._audit.record(connection, *group.deeds)
        for listener in self._listeners:
            await listener.accepted(connection, list(rows.values()))
        return rows

    def _accepted(self, command: Ledgered, owner: ReplicaId | None) -> None:
        self._announcer.accepted(command)
        self._sender.accepted(command, owner)
        if command.ended:
            self._announcer.ended(command)
