"""Acceptance: calls of a moment are committed together, then their commands are sent.

Most groups take two statements: read what there is to know of the devices, then write everything on
the condition that it still holds. When it does not, or when there is more to write than one
statement can, the devices are locked first.
"""

from typing import Final

from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection, Raced
from hub.base.errors import HubError, Unavailable
from hub.commands.acceptance import Acceptance, Submission, SubmissionOutcome
from hub.commands.announce import Announcer, Listeners
from hub.commands.records import CommandRow
from hub.commands.sending import Sender
from hub.commands.store import CommandStore
from protocol.ids import CommandKey, ReplicaId

ATTEMPTS: Final = 4


class Acceptor:
    def __init__(
        self,
        store: CommandStore,
        sender: Sender,
        announcer: Announcer,
        listeners: Listeners,
        replica_id: ReplicaId,
    ) -> None:
        self._store = store
        self._sender = sender
        self._announcer = announcer
        self._listeners = listeners
        self._replica_id = replica_id
        self._batcher = Batcher(self._accept, limit=500)

    async def take(self, submission: Submission) -> SubmissionOutcome:
        """Commit a call's commands and begin to send them.

        Raises `Conflict` for the key of another request, the call's own problem, `Unavailable`,
        `Overloaded`.
        """
        taken = await self._batcher.put(submission)
        if taken.refused is not None:
            raise taken.refused
        return taken

    async def run(self) -> None:
        await self._batcher.run()

    def waiting(self) -> int:
        return len(self._batcher)

    async def _accept(self, submissions: list[Submission]) -> list[SubmissionOutcome]:
        metrics.batch_size.labels("accept").observe(len(submissions))
        with metrics.batch_seconds.labels("accept").time():
            locked = self._has_more_to_write(submissions)
            for _ in range(ATTEMPTS):
                try:
                    return await self._accept_once(Acceptance(submissions), locked=locked)
                except Raced:
                    locked = True  # what others did meanwhile is seen now, and they wait
        raise Unavailable("too many replicas accept the same commands", retry_after=1)

    def _has_more_to_write(self, submissions: list[Submission]) -> bool:
        """More than one statement can write: that takes a transaction."""
        return any(
            submission.key is not None
            or not self._listeners.types.isdisjoint(c.type for c in submission.commands)
            for submission in submissions
        )

    async def _accept_once(self, group: Acceptance, *, locked: bool) -> list[SubmissionOutcome]:
        database, places = self._store.database, group.places_wanted()
        try:
            async with database.transaction() if locked else database.connection() as connection:
                if locked:
                    await self._store.lock(connection, places)
                targets = await self._store.targets(connection, places)
                wanted, names = group.keys_wanted(), group.names_wanted()
                requests = group.requests_wanted()
                group.decide(
                    keys=await self._store.keys(connection, wanted) if wanted else {},
                    targets=targets,
                    existing=await self._store.existing(connection, names) if names else {},
                    waiting=await self._store.waiting(connection, requests) if requests else {},
                    ready=self._sender.ready,
                    refused=await self._judge(connection, group) if locked else {},
                )
                rows = await self._write(connection, group, locked=locked)
        except Unavailable:
            # The commit may have gone through all the same: what is in the ledger must be sent.
            for place in places:
                self._sender.look(place)
            raise
        for insert in group.inserts:
            command = rows[insert.new.org, insert.new.command_id]
            self._accepted(command, targets[command.org, command.device_id].owner)
        return group.outcomes(rows)

    async def _judge(self, connection: Connection, group: Acceptance) -> dict[CommandKey, HubError]:
        refused: dict[CommandKey, HubError] = {}
        for listener in self._listeners:
            refused |= await listener.judge(connection, group.commands())
        return refused

    async def _write(
        self, connection: Connection, group: Acceptance, *, locked: bool
    ) -> dict[CommandKey, CommandRow]:
        if not group.inserts:
            return {}
        rows = await self._store.insert(
            connection, group.inserts, group.entries, by=self._replica_id, locked=locked
        )
        if group.keys:
            await self._store.add_keys(connection, group.keys)
        for listener in self._listeners if locked else ():
            await listener.accepted(connection, list(rows.values()))
        return rows

    def _accepted(self, command: CommandRow, owner: ReplicaId | None) -> None:
        self._announcer.accepted(command)
        self._sender.accepted(command, owner)
        if command.ended:
            self._announcer.ended(command)
