"""Commands as the rest of the hub sees them: dispatched, cancelled and read by callers, carried by
lines, hinted at by other replicas.

The work is done by the parts: calls (`calls`), acceptance (`accepting`), sending (`sending`),
replies (`replying`), cancelling (`cancelling`) and the clock (`sweep`). What waits for a second
person is kept back before acceptance (`guarding`) and taken up again behind it (`approved`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from hub.approvals.service import ApprovalService
from hub.audit.service import AuditService
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.commands.acceptance import CommandOutcome
from hub.commands.accepting import Acceptor
from hub.commands.announce import Announcer, Hints
from hub.commands.approved import ApprovedCalls
from hub.commands.calls import BulkOutcome, Calls
from hub.commands.cancelling import Cancels
from hub.commands.decisions import NewCommand
from hub.commands.guarding import GuardedCalls
from hub.commands.ledger import CommandListener, Listeners
from hub.commands.oversize import Oversize
from hub.commands.preparing import Preparation
from hub.commands.records import CommandFilter, CommandRow, Delivery
from hub.commands.replying import Replies
from hub.commands.requests import CommandRequest, GivenIds, secret_in
from hub.commands.rights import DispatchRights
from hub.commands.sending import Sender
from hub.commands.signature_checks import SignatureChecks
from hub.commands.store import CommandStore
from hub.commands.sweep import Sweep
from hub.commands.waiting import Waiters
from hub.lines.session import LineSession
from hub.own.service import OwnService
from hub.rights.memory import RightsMemory
from hub.secrets.service import SecretService
from hub.telemetry.writer import TelemetryWriter
from protocol.frames import Hello
from protocol.ids import CommandKey, DeviceKey, OrgId, ReplicaId
from protocol.replies import Reply
from protocol.trusted_keys import TrustedKeys

__all__ = [
    "BulkOutcome",
    "CommandListener",
    "CommandService",
    "CommandRequest",
    "CommandFilter",
    "CommandOutcome",
    "Delivery",
    "GivenIds",
    "Hints",
    "CommandRow",
    "NewCommand",
    "secret_in",
]


class CommandService:
    """What people and their keys call goes through `guarded`: it may have to wait for a second
    person. Without it goes what was admitted as a whole, as a campaign is.

    `reserved` is the store over connections of its own, for what devices answer. `trusted` gives
    whose signatures count in a call, `clock` monotonic seconds, `database_clock` seconds since 1970
    by the clock that judges deadlines."""

    def __init__(
        self,
        store: CommandStore,
        reserved: CommandStore,
        audit: AuditService,
        telemetry: TelemetryWriter,
        replica_id: ReplicaId,
        own: OwnService,
        memory: RightsMemory,
        secrets: SecretService,
        trusted: Callable[[Principal], Awaitable[TrustedKeys]],
        approvals: ApprovalService,
        *,
        hints: Hints,
        require_current_view: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        database_clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._waiting = waiting = Waiters()
        self._listeners = listeners = Listeners(telemetry.taps)
        announcer = Announcer(telemetry, waiting, hints, replica_id)
        rights = DispatchRights(memory, store.channel_of, database_clock)
        self._sender = sender = Sender(
            store,
            announcer,
            listeners,
            rights,
            secrets,
            note_deadline=self._note_deadline,
            now=database_clock,
            hints=hints,
        )
        self._acceptor = Acceptor(store, sender, announcer, listeners, replica_id)
        self._replies = Replies(reserved, announcer, listeners, telemetry)
        self._oversize = Oversize(store, announcer, listeners)
        self._sweep = Sweep(store, sender, announcer, waiting, listeners, replica_id, clock=clock)
        preparation = Preparation(
            audit,
            own,
            rights,
            secrets,
            SignatureChecks(trusted, audit, database_clock),
            require_current_view=require_current_view,
            database_clock=database_clock,
        )
        calls = Calls(store, self._acceptor, waiting, audit, preparation)
        cancels = Cancels(store, audit, sender, announcer, listeners, rights, hints=hints)
        guarded = GuardedCalls(store, calls, cancels, preparation, approvals, rights)
        approved = ApprovedCalls(self._acceptor, preparation, rights, database_clock=database_clock)
        approvals.carry_out("command", approved)
        approvals.carry_out("bulk", approved)
        self.rights = rights
        self.guarded = guarded
        self.dispatch = calls.dispatch
        self.bulk = calls.bulk
        self.send_given = calls.send_given
        self.check = calls.check
        self.get = calls.get
        self.cancel = cancels.cancel
        self.cancel_pending = cancels.cancel_pending
        self.cancel_here = cancels.cancel_here
        self.expire = self._sweep.expire

    def listen(self, listener: CommandListener) -> None:
        """Have a floor above take part in commands, before the first one."""
        self._listeners.add(listener)

    async def run(self) -> None:
        """The group commits and the sweep; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acceptor.run())
            tasks.create_task(self._sender.run())
            tasks.create_task(self._replies.run())
            tasks.create_task(self._oversize.run())
            tasks.create_task(self._sweep.run())

    async def flush(self) -> None:
        """Wait until every reply that came is committed."""
        await self._replies.idle()

    def waiting(self) -> int:
        """What the group commits have still to take."""
        parts = (self._acceptor, self._sender, self._replies, self._oversize)
        return sum(part.waiting() for part in parts)

    def stop_waiting(self) -> None:
        """Answer every call that waits for the end of a command with how it stands."""
        self._waiting.stop()

    def _note_deadline(self, seconds: float) -> None:
        self._sweep.note(seconds)

    # The listener of lines

    def opened(self, line: LineSession) -> None:
        self._sender.opened(line)

    def settled(self, line: LineSession) -> None:
        self._sender.settled(line)

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self._sender.said_hello(line, hello)

    def replied(self, line: LineSession, reply: Reply) -> None:
        self._replies.put(line, reply)

    def too_large(self, line: LineSession) -> None:
        self._oversize.put(line)

    def closed(self, line: LineSession) -> None:
        self._sender.closed(line)

    # Hints of other replicas

    def look(self, place: DeviceKey) -> None:
        """Something was accepted for a device that may be on a line here."""
        self._sender.look(place)

    async def ended_elsewhere(self, names: Sequence[CommandKey]) -> None:
        """Commands that were accepted here have ended: somebody may wait for them."""
        expected = [name for name in names if self._waiting.expects(name)]
        for command in await self._store.finished(expected) if expected else ():
            self._waiting.ended(command)

    # Reading

    async def list(
        self, org: OrgId, wanted: CommandFilter, *, cursor: str | None, limit: int, offset: int = 0
    ) -> Items[CommandRow]:
        rows = await self._store.list(
            org, wanted, before=decode_cursor(cursor), limit=limit + 1, offset=offset
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.command_id), item=lambda row: row
        )

    async def forget(self, days: int) -> int:
        """Ended commands past their retention; how many, at most some thousands a call."""
        return await self._store.forget(days)
