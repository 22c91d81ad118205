"""Acceptance: calls of a moment are committed together, then their commands are sent.

Most groups take two statements: read what there is to know of the devices, then write everything on
the condition that it still holds. When it does not, or when there is more to write than one
statement can, the devices are locked first.
"""

from functools import partial

from hub.base import metrics, usage
from hub.base.batch import Batcher
from hub.base.database import Connection, Raced
from hub.base.errors import Unavailable
from hub.commands.acceptance import Acceptance, Submission, SubmissionOutcome
from hub.commands.announce import Announcer
from hub.commands.decisions import CommandTarget, Insert
from hub.commands.ledger import ACCEPTED, RESULT, Listeners, commit
from hub.commands.records import CommandRow
from hub.commands.sending import Sender
from hub.commands.store import CommandStore, Named
from protocol.ids import CommandKey, DeviceKey, ReplicaId
from protocol.lifecycle import ENDED


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
            try:
                group, targets, rows = await commit(
                    self._store.database,
                    partial(self._decide_and_write, submissions),
                    locked=self._has_more_to_write(submissions),
                )
            except Unavailable:
                # It may be committed all the same: what is in the ledger must be sent.
                for place in Acceptance(submissions).places_wanted():
                    self._sender.look(place)
                raise
        for insert in group.inserts:
            usage.count(insert.new.org, "commands")
            command = rows[insert.new.org, insert.new.command_id]
            self._accepted(command, targets[command.org, command.device_id].owner)
        return group.outcomes(rows)

    def _has_more_to_write(self, submissions: list[Submission]) -> bool:
        """More than one statement can write: that takes a transaction."""
        return any(
            submission.key is not None
            or any(self._listeners.concern(c.org, c.type, ACCEPTED) for c in submission.commands)
            for submission in submissions
        )

    async def _decide_and_write(
        self, submissions: list[Submission], connection: Connection, locked: bool
    ) -> tuple[Acceptance, dict[DeviceKey, CommandTarget], dict[CommandKey, CommandRow]]:
        group = Acceptance(submissions)
        places, wanted, names = group.places_wanted(), group.keys_wanted(), group.names_wanted()
        requests = group.requests_wanted()
        if locked:
            await self._store.lock(connection, places)
        targets = await self._store.targets(connection, places)
        named = await self._store.existing(connection, names) if names else Named()
        group.decide(
            keys=await self._store.keys(connection, wanted) if wanted else {},
            targets=targets,
            existing=named.commands,
            reserved=named.reserved,
            waiting=await self._store.waiting(connection, requests) if requests else {},
            ready=self._sender.ready,
            refused=await self._listeners.judge(connection, group.commands()) if locked else {},
        )
        return group, targets, await self._write(connection, group, locked=locked)

    async def _write(
        self, connection: Connection, group: Acceptance, *, locked: bool
    ) -> dict[CommandKey, CommandRow]:
        if not group.inserts:
            return {}
        if not locked and any(map(self._is_kept, group.inserts)):
            raise Raced
        rows = await self._store.insert(
            connection, group.inserts, group.entries, by=self._replica_id, locked=locked
        )
        if group.keys:
            await self._store.add_keys(connection, group.keys)
        if locked:
            await self._listeners.accepted(connection, list(rows.values()))
        return rows

    def _is_kept(self, insert: Insert) -> bool:
        """Whether it ends at once, and somebody keeps that."""
        new = insert.new
        return insert.status in ENDED and self._listeners.concern(new.org, new.type, RESULT)

    def _accepted(self, command: CommandRow, owner: ReplicaId | None) -> None:
        self._announcer.accepted(command)
        self._sender.accepted(command, owner)
        if command.ended:
            self._announcer.ended(command)
