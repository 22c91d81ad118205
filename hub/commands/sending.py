"""Sending: what each line of this replica is written, in the order of its device's numbers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection, Raced
from hub.base.errors import HubError
from hub.commands.announce import Announcer, Hints
from hub.commands.decisions import Claim, ClaimStep, Plan, ReadyLine, plan
from hub.commands.ledger import RESULT, Listeners, commit
from hub.commands.line_queue import LineQueue
from hub.commands.records import CommandRow
from hub.commands.rights import DispatchRights
from hub.commands.store import CommandStore, Unsent
from hub.lines.session import LineSession
from hub.secrets.service import OpenedValues, SecretService
from protocol.codec import encode
from protocol.commands import may_name_secrets
from protocol.frames import Cancel, Hello
from protocol.ids import CommandId, CommandKey, DeviceKey, ReplicaId
from protocol.lifecycle import State
from protocol.secret_values import Values, references_in

log = structlog.get_logger(__name__)

SETTLE_SECONDS: Final = 5.0
"""How long a command in doubt, or a long one, waits for the first frame of a new line."""


RETRY_SECONDS: Final = 0.5


def _named_by(command: CommandRow) -> set[str]:
    return references_in(command.params) if may_name_secrets(command.type) else set()


def _written(rows: Mapping[CommandKey, CommandRow], step: ClaimStep) -> CommandRow | None:
    """As its row is now, with the secrets that are in no row."""
    command = rows.get((step.command.org, step.command.command_id))
    return None if command is None else replace(command, secrets=step.command.secrets)


class ClaimOutcome(Struct, frozen=True):
    """What a line asked for and what becomes of it; `last` is its device's last number."""

    claim: Claim
    plan: Plan
    last: int


class Sender:
    """`note_deadline` is told in how many seconds a deadline passes. `now`: seconds since 1970 by
    the database's clock."""

    def __init__(
        self,
        store: CommandStore,
        announcer: Announcer,
        listeners: Listeners,
        rights: DispatchRights,
        secrets: SecretService,
        *,
        note_deadline: Callable[[float], None],
        now: Callable[[], float],
        hints: Hints,
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._listeners = listeners
        self._rights = rights
        self._secrets = secrets
        self._note_deadline = note_deadline
        self._hints = hints
        self._now = now
        self._queues: dict[DeviceKey, LineQueue] = {}
        self._cancels: dict[CommandKey, LineQueue] = {}
        """On which line a cancel was written; forgotten by the sweep that does not find it."""
        self._claims = Batcher(self._claim, limit=500, bound=500_000)
        self._journals = Batcher(self._note_journals, limit=500, bound=500_000)
        self._unfinished = Batcher(self._cancel_ended, limit=100, bound=500_000)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._claims.run())
            tasks.create_task(self._journals.run())
            tasks.create_task(self._unfinished.run())

    def waiting(self) -> int:
        return len(self._claims) + len(self._journals) + len(self._unfinished)

    # Lines come and go

    def opened(self, line: LineSession) -> None:
        queue = LineQueue(line)
        self._queues[line.org, line.device_id] = queue
        if not line.quarantined:
            self._claims.put(queue)
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle, queue)

    def closed(self, line: LineSession) -> None:
        if self._of(line) is not None:
            del self._queues[line.org, line.device_id]

    def settled(self, line: LineSession) -> None:
        queue = self._of(line)
        if queue is not None:
            self._settle(queue)

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        queue = self._of(line)
        if queue and queue.sent_without_journal and line.journal_id is not None:
            self._journals.put(line)
        if hello.unfinished:
            self._unfinished.put((line, hello.unfinished))

    def _of(self, line: LineSession) -> LineQueue | None:
        queue = self._queues.get((line.org, line.device_id))
        return queue if queue is not None and queue.line is line else None

    def _settle(self, queue: LineQueue) -> None:
        queue.settle()
        self._claim_if_wanted(queue)

    # Commands come

    def ready(self, place: DeviceKey) -> ReadyLine | None:
        """The line of this replica that a command may be committed as sent on."""
        queue = self._queues.get(place)
        return queue.ready() if queue else None

    def accepted(self, command: CommandRow, owner: ReplicaId | None) -> None:
        """A command was committed: write it, or have it claimed by `owner`, who has the line."""
        if command.deadline is not None and not command.ended:
            self._note_deadline(command.timeout_ms / 1000)
        queue = self._queues.get((command.org, command.device_id))
        here = None if queue is None else queue.line.replica_id
        if command.status is State.PENDING and owner not in (None, here):
            self._hints.send(owner, (command.org, command.device_id))
        if queue is None:
            return
        if command.ended:
            queue.skipped(command.seq)
        elif command.status is State.PENDING or not queue.takes(command):
            queue.hinted()
        elif queue.accepted(command.seq):
            self._send(queue, command, fresh=True)
        self._claim_if_wanted(queue)

    def look(self, place: DeviceKey) -> None:
        """There may be something in the ledger for this device."""
        queue = self._queues.get(place)
        if queue is not None:
            queue.hinted()
            self._claim_if_wanted(queue)

    def has_line(self, place: DeviceKey) -> bool:
        return place in self._queues

    def cancel(self, command: CommandRow) -> None:
        """Ask the device to stop it, when its line is here. A cancel does not overtake its command:
        what the line has still to be written is left to the sweep."""
        queue = self._queues.get((command.org, command.device_id))
        if queue is not None and (command.ended or queue.has_written(command)):
            self._cancel(queue, command)

    def remind_cancels(self, commands: Sequence[CommandRow]) -> None:
        """All that devices here are to stop now; each line is written each of them once."""
        before, self._cancels = self._cancels, {}
        for command in commands:
            name = (command.org, command.command_id)
            queue = self._queues.get((command.org, command.device_id))
            if queue is None or not queue.has_written(command):
                continue
            if before.get(name) is queue:
                self._cancels[name] = queue
            else:
                self._cancel(queue, command)

    def _cancel(self, queue: LineQueue, command: CommandRow) -> None:
        self._cancels[command.org, command.command_id] = queue
        queue.line.send(encode(Cancel(command_id=command.command_id)))

    def _claim_if_wanted(self, queue: LineQueue) -> None:
        if queue.wants_claim():
            self._claims.put(queue)

    # Claims

    async def _claim(self, group: list[LineQueue]) -> list[None]:
        metrics.batch_size.labels("claim").observe(len(group))
        try:
            with metrics.batch_seconds.labels("claim").time():
                await self._claim_once(group)
        except Exception as error:
            # Whatever it was: a line whose claim is never over would be written nothing again.
            if isinstance(error, HubError):
                log.warning("claim_failed", lines=len(group), error=error.detail)
            else:
                log.exception("claim_failed", lines=len(group))
            await asyncio.sleep(RETRY_SECONDS)
            for queue in group:
                queue.failed()
                self._claim_if_wanted(queue)
        return [None] * len(group)

    async def _claim_once(self, group: list[LineQueue]) -> None:
        # One line a device: what an older one here still wanted would come out for the newer too.
        group = [queue for queue in dict.fromkeys(group) if self._of(queue.line)]
        if not group:
            return
        await self._journals.idle()  # an earlier line's: what is in doubt depends on it
        claims = [queue.claim() for queue in group]
        looks, rows = await commit(self._store.database, partial(self._plan_and_write, claims))
        for queue, look in zip(group, looks, strict=True):
            self._claimed(queue, look, rows)

    async def _plan_and_write(
        self, claims: list[Claim], connection: Connection, locked: bool
    ) -> tuple[list[ClaimOutcome], dict[CommandKey, CommandRow]]:
        """Raises `Raced` when something ends in which others have a part: under a lock, again."""
        if locked:
            await self._store.lock_unsent(connection, claims)
        looks = await self._look(connection, claims)
        steps = [(look.claim, step) for look in looks for step in look.plan.steps]
        if not locked and any(self._is_listened(step) for _, step in steps):
            raise Raced
        rows = await self._store.claim(connection, steps) if steps else {}
        if locked:
            await self._listeners.ended(connection, [row for row in rows.values() if row.ended])
        return looks, rows

    def _is_listened(self, step: ClaimStep) -> bool:
        command = step.command
        return not step.sent and self._listeners.concern(command.org, command.type, RESULT)

    async def _look(self, connection: Connection, claims: Sequence[Claim]) -> list[ClaimOutcome]:
        seqs, found = await self._store.unsent(connection, claims)
        values = await self._values(connection, found)
        unsent = {
            place: [await self._judged(each, values) for each in of] for place, of in found.items()
        }
        looks: list[ClaimOutcome] = []
        for claim in claims:
            place = (claim.org, claim.device_id)
            if place in seqs:
                looks.append(ClaimOutcome(claim, plan(claim, unsent.get(place, [])), seqs[place]))
            else:  # superseded: its socket is about to be closed
                looks.append(ClaimOutcome(claim, Plan([], held=False), 0))
        return looks

    async def _values(
        self, connection: Connection, found: Mapping[DeviceKey, Sequence[Unsent]]
    ) -> OpenedValues:
        """Of the secrets that any of these name."""
        wanted = [(org, _named_by(e.command)) for (org, _), of in found.items() for e in of]
        wanted = [(org, references) for org, references in wanted if references]
        return await self._secrets.values(connection, wanted) if wanted else OpenedValues()

    async def _judged(self, unsent: Unsent, opened: OpenedValues) -> CommandRow:
        """What was not sent yet goes by the rights that its owner has now, and not without the
        secrets that it names; what was, takes along those that there are. Neither goes while one
        does not open."""
        command, owner = unsent.command, unsent.owner
        mine = opened.values.get(command.org, {})
        names = _named_by(command) if mine or opened.closed or owner is not None else set[str]()
        if any((command.org, name) in opened.closed for name in names):
            return replace(command, waits=True)
        secrets = Values({name: mine[name] for name in names if name in mine})
        if secrets:
            command = replace(command, secrets=secrets)
        if owner is None:
            return command
        may = len(secrets) == len(names) and await self._rights.owner_may(
            owner, command.type, command.params, command.device_id
        )
        return command if may else replace(command, owner_may=False)

    def _claimed(
        self, queue: LineQueue, look: ClaimOutcome, rows: dict[CommandKey, CommandRow]
    ) -> None:
        """After the commit: write what was claimed, in order, as far as nobody else has changed it
        and the line takes it; the rest is looked at again."""
        steps, last, changed, wrote = look.plan.steps, look.last, False, False
        if look.plan.held or look.plan.later:
            last = steps[-1].command.seq if steps else 0
        for step in steps:
            command = _written(rows, step)
            if command is None or (step.sent and not queue.takes(command)):
                last = min(last, step.command.seq - 1)
                changed = True
            elif not step.sent:
                self._announcer.ended(command)
            elif not changed:
                self._write(queue, step, command)
                wrote = True
        if changed:
            queue.hinted()
        queue.claimed(last, wrote=wrote, held=look.plan.held)
        if wrote and look.claim.journal_id is None:  # hello may have come since
            queue.sent_without_journal = True
        self._note_journal(queue)
        if look.plan.later:
            queue.hinted()  # for the next sweep
        else:
            self._claim_if_wanted(queue)

    def _note_journal(self, queue: LineQueue) -> None:
        if queue.sent_without_journal and queue.line.journal_id is not None:
            self._journals.put(queue.line)
            queue.sent_without_journal = False

    def _write(self, queue: LineQueue, step: ClaimStep, command: CommandRow) -> None:
        self._send(queue, command, fresh=step.command.sent_at is None)
        if command.cancelled_by is not None:
            self._cancel(queue, command)
        if command.deadline is not None and step.command.deadline is None:
            self._note_deadline(command.timeout_ms / 1000)

    def _send(self, queue: LineQueue, command: CommandRow, *, fresh: bool) -> None:
        """`fresh`: `sent_at` has been written this moment, so it says what the time is."""
        sent_at = command.sent_at if fresh else None
        queue.line.send(command.frame(sent_at or datetime.fromtimestamp(self._now(), UTC)))

    # What hello brings

    async def _note_journals(self, lines: list[LineSession]) -> list[None]:
        await self._store.note_journal(lines)
        return [None] * len(lines)

    async def _cancel_ended(self, said: list[tuple[LineSession, list[CommandId]]]) -> list[None]:
        """A device is told to stop what has ended here (a time-out that it never heard of)."""
        names = sorted({(line.org, name) for line, unfinished in said for name in unfinished})
        found = await self._store.by_names(names)
        for line, unfinished in said:
            for command_id in unfinished:
                command = found.get((line.org, command_id))
                if command is not None and command.ended and command.device_id == line.device_id:
                    line.send(encode(Cancel(command_id=command_id)))
        return [None] * len(said)
