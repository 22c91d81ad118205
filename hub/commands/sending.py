"""Sending: what each line of this replica is written, in the order of its device's numbers."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from msgspec import Struct

from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection
from hub.base.errors import HubError
from hub.commands.announce import Announcer, Hints, Listeners
from hub.commands.dispatch import Claim, ClaimStep, Plan, ReadyLine, plan
from hub.commands.outgoing import Outgoing
from hub.commands.records import Ledgered
from hub.commands.store import CommandStore
from hub.lines.session import LineSession
from protocol.codec import encode
from protocol.frames import Cancel, Hello
from protocol.ids import CommandId, CommandKey, DeviceKey, ReplicaId
from protocol.lifecycle import State

log = structlog.get_logger(__name__)

SETTLE_SECONDS: Final = 5.0
"""How long a command in doubt, or a long one, waits for the first frame of a new line."""


RETRY_SECONDS: Final = 0.5


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
        *,
        note_deadline: Callable[[float], None],
        now: Callable[[], float],
        hints: Hints,
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._listeners = listeners
        self._note_deadline = note_deadline
        self._hints = hints
        self._now = now
        self._outgoing: dict[DeviceKey, Outgoing] = {}
        self._cancels: dict[CommandKey, Outgoing] = {}
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
        outgoing = Outgoing(line)
        self._outgoing[line.org, line.device_id] = outgoing
        self._claims.put(outgoing)
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle, outgoing)

    def closed(self, line: LineSession) -> None:
        if self._of(line) is not None:
            del self._outgoing[line.org, line.device_id]

    def settled(self, line: LineSession) -> None:
        outgoing = self._of(line)
        if outgoing is not None:
            self._settle(outgoing)

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        outgoing = self._of(line)
        if outgoing and outgoing.sent_without_journal and line.journal_id is not None:
            self._journals.put(line)
        if hello.unfinished:
            self._unfinished.put((line, hello.unfinished))

    def _of(self, line: LineSession) -> Outgoing | None:
        outgoing = self._outgoing.get((line.org, line.device_id))
        return outgoing if outgoing is not None and outgoing.line is line else None

    def _settle(self, outgoing: Outgoing) -> None:
        outgoing.settle()
        self._claim_if_wanted(outgoing)

    # Commands come

    def ready(self, place: DeviceKey) -> ReadyLine | None:
        """The line of this replica that a command may be committed as sent on."""
        outgoing = self._outgoing.get(place)
        return outgoing.ready() if outgoing else None

    def accepted(self, command: Ledgered, owner: ReplicaId | None) -> None:
        """A command was committed: write it, or have it claimed by `owner`, who has the line."""
        if command.deadline is not None and not command.ended:
            self._note_deadline(command.timeout_ms / 1000)
        outgoing = self._outgoing.get((command.org, command.device_id))
        here = None if outgoing is None else outgoing.line.replica_id
        if command.status is State.PENDING and owner not in (None, here):
            self._hints.send(owner, (command.org, command.device_id))
        if outgoing is None:
            return
        if command.ended:
            outgoing.skipped(command.seq)
        elif command.status is State.PENDING or not outgoing.takes(command):
            outgoing.hinted()
        elif outgoing.accepted(command.seq):
            self._send(outgoing, command, fresh=True)
        self._claim_if_wanted(outgoing)

    def look(self, place: DeviceKey) -> None:
        """There may be something in the ledger for this device."""
        outgoing = self._outgoing.get(place)
        if outgoing is not None:
            outgoing.hinted()
            self._claim_if_wanted(outgoing)

    def has_line(self, place: DeviceKey) -> bool:
        return place in self._outgoing

    def cancel(self, command: Ledgered) -> None:
        """Ask the device to stop it, when its line is here."""
        outgoing = self._outgoing.get((command.org, command.device_id))
        if outgoing is not None:
            self._cancel(outgoing, command)

    def remind_cancels(self, commands: Sequence[Ledgered]) -> None:
        """All that devices here are to stop now; each line is written each of them once."""
        before, self._cancels = self._cancels, {}
        for command in commands:
            name = (command.org, command.command_id)
            outgoing = self._outgoing.get((command.org, command.device_id))
            if outgoing is None:
                continue
            if before.get(name) is outgoing:
                self._cancels[name] = outgoing
            else:
                self._cancel(outgoing, command)

    def _cancel(self, outgoing: Outgoing, command: Ledgered) -> None:
        self._cancels[command.org, command.command_id] = outgoing
        outgoing.line.send(encode(Cancel(command_id=command.command_id)))

    def _claim_if_wanted(self, outgoing: Outgoing) -> None:
        if outgoing.wants_claim():
            self._claims.put(outgoing)

    # Claims

    async def _claim(self, group: list[Outgoing]) -> list[None]:
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
            for outgoing in group:
                outgoing.failed()
                self._claim_if_wanted(outgoing)
        return [None] * len(group)

    async def _claim_once(self, group: list[Outgoing]) -> None:
        # One line a device: what an older one here still wanted would come out for the newer too.
        group = [outgoing for outgoing in dict.fromkeys(group) if self._of(outgoing.line)]
        if not group:
            return
        looks, rows = await self._commit([outgoing.claim() for outgoing in group], locked=False)
        for outgoing, look in zip(group, looks, strict=True):
            self._claimed(outgoing, look, rows)

    async def _commit(
        self, claims: list[Claim], *, locked: bool
    ) -> tuple[list[ClaimOutcome], dict[CommandKey, Ledgered]]:
        """Read, decide, and write what is still as it was read; under a lock when something ends in
        which others have a part, because that takes a transaction."""
        database = self._store.database
        async with database.transaction() if locked else database.connection() as connection:
            if locked:
                await self._store.lock_unsent(connection, claims)
            looks = await self._look(connection, claims)
            steps = [(look.claim, step) for look in looks for step in look.plan.steps]
            again = not locked and any(self._is_listened(step) for _, step in steps)
            rows = await self._store.claim(connection, steps) if steps and not again else {}
            for listener in self._listeners if locked else ():
                await listener.ended(connection, [row for row in rows.values() if row.ended])
        return await self._commit(claims, locked=True) if again else (looks, rows)

    def _is_listened(self, step: ClaimStep) -> bool:
        return not step.sent and step.command.type in self._listeners.types

    async def _look(self, connection: Connection, claims: Sequence[Claim]) -> list[ClaimOutcome]:
        seqs, unsent = await self._store.unsent(connection, claims)
        looks: list[ClaimOutcome] = []
        for claim in claims:
            place = (claim.org, claim.device_id)
            if place in seqs:
                looks.append(ClaimOutcome(claim, plan(claim, unsent.get(place, [])), seqs[place]))
            else:  # superseded: its socket is about to be closed
                looks.append(ClaimOutcome(claim, Plan([], held=False), 0))
        return looks

    def _claimed(
        self, outgoing: Outgoing, look: ClaimOutcome, rows: dict[CommandKey, Ledgered]
    ) -> None:
        """After the commit: write what was claimed, in order, as far as nobody else has changed it
        and the line takes it; the rest is looked at again."""
        steps, last, changed, wrote = look.plan.steps, look.last, False, False
        if look.plan.held:
            last = steps[-1].command.seq if steps else 0
        for step in steps:
            command = rows.get((step.command.org, step.command.command_id))
            if command is None or (step.sent and not outgoing.takes(command)):
                last = min(last, step.command.seq - 1)
                changed = True
            elif not step.sent:
                self._announcer.ended(command)
            elif not changed:
                self._write(outgoing, step, command)
                wrote = True
        if changed:
            outgoing.hinted()
        outgoing.claimed(last, wrote=wrote, held=look.plan.held)
        if outgoing.sent_without_journal and outgoing.line.journal_id is not None:
            self._journals.put(outgoing.line)
            outgoing.sent_without_journal = False
        self._claim_if_wanted(outgoing)

    def _write(self, outgoing: Outgoing, step: ClaimStep, command: Ledgered) -> None:
        self._send(outgoing, command, fresh=step.command.sent_at is None)
        if command.cancelled_by is not None:
            self._cancel(outgoing, command)
        if command.deadline is not None and step.command.deadline is None:
            self._note_deadline(command.timeout_ms / 1000)

    def _send(self, outgoing: Outgoing, command: Ledgered, *, fresh: bool) -> None:
        """`fresh`: `sent_at` has been written this moment, so it says what the time is."""
        sent_at = command.sent_at if fresh else None
        outgoing.line.send(command.frame(sent_at or datetime.fromtimestamp(self._now(), UTC)))

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
