"""Dispatching, cancelling and reading commands: what REST, groups and campaigns call.

`CommandService` is also the listener of every line. The work is done by its parts: acceptance
(`intake`), sending (`sending`), replies (`replying`) and the clock (`sweep`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from hub.accounts.access import may_dispatch
from hub.audit.service import AuditService, Deed
from hub.base.errors import Ended, Forbidden, HubError, NotFound, invalid
from hub.commands.acceptance import Intake, refusal_of
from hub.commands.announce import Announcer, CommandListener, Dashboards
from hub.commands.dispatch import NewCommand, request_hash
from hub.commands.intake import Intakes
from hub.commands.records import CommandResult, Delivery, Ledgered, error_of, result_of
from hub.commands.replying import Replies
from hub.commands.sending import Sender
from hub.commands.store import CommandStore, Filter, Key, KeyRow, Name
from hub.commands.sweep import Sweep
from hub.commands.waiting import Stopped, Waiting
from hub.lines.session import LineSession
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal
from protocol.commands import Command, params_of, spec_of
from protocol.errors import CommandErrorCode
from protocol.frames import Hello
from protocol.ids import CommandId, DeviceId, OrgId, ReplicaId, new_command_id, uuid7
from protocol.lifecycle import Happening, State, next_state
from protocol.replies import Reply

__all__ = [
    "BulkOutcome",
    "CommandListener",
    "CommandService",
    "Dispatch",
    "Filter",
    "Ledgered",
]

LONGEST_WAIT: Final = 300.0
DEFAULT_EXPIRY: Final = timedelta(hours=24)
LONGEST_EXPIRY: Final = timedelta(days=30)

_WITHDRAWN: Final = error_of(CommandErrorCode.CANCELLED, "cancelled before it was sent")


class Dispatch(Struct, frozen=True, kw_only=True):
    """A command as a caller asks for it. `key` is an Idempotency-Key, `path` its scope."""

    command: Command
    timeout_ms: int | None = None
    delivery: Delivery = "now"
    expires_at: datetime | None = None
    key: str | None = None
    path: str = ""
    wait: bool = True


class BulkOutcome(Struct, frozen=True):
    """A result for each target; `finished` is False when some still run."""

    batch_id: str
    results: dict[str, CommandResult]
    finished: bool


class CommandService:
    """`clock` gives monotonic seconds, `wall_clock` seconds since 1970."""

    def __init__(
        self,
        store: CommandStore,
        audit: AuditService,
        dashboards: Dashboards,
        replica_id: ReplicaId,
        *,
        listeners: Sequence[CommandListener] = (),
        hint_owner: Callable[[OrgId, DeviceId], None],
        hint_cancel: Callable[[OrgId, DeviceId, CommandId], None],
        hint_ended: Callable[[OrgId, CommandId], None],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._audit = audit
        self._wall_clock = wall_clock
        self._listeners = listeners
        self._hint_cancel = hint_cancel
        self._waiting = Waiting()
        self._announcer = Announcer(dashboards, self._waiting, hint_ended)
        self._sender = Sender(
            store,
            self._announcer,
            listeners,
            note_deadline=self._note_deadline,
            hint_owner=hint_owner,
        )
        self._intakes = Intakes(store, audit, self._sender, self._announcer, listeners)
        self._replies = Replies(store, self._announcer, listeners)
        self._sweep = Sweep(
            store,
            self._sender,
            self._announcer,
            self._waiting,
            listeners,
            replica_id,
            clock=clock,
        )

    async def run(self) -> None:
        """The group commits and the sweep; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._intakes.run())
            tasks.create_task(self._sender.run())
            tasks.create_task(self._replies.run())
            tasks.create_task(self._sweep.run())

    async def flush(self) -> None:
        """Wait until every reply that came is committed."""
        await self._replies.idle()

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

    def closed(self, line: LineSession) -> None:
        self._sender.closed(line)

    def hint(self, org: OrgId, device_id: DeviceId) -> None:
        """Another replica accepted something for a device that may be on a line here."""
        self._sender.hint(org, device_id)

    async def cancel_here(self, org: OrgId, device_id: DeviceId, command_id: CommandId) -> None:
        """Another replica wants a command of a device here cancelled."""
        command = await self._store.get(org, device_id, command_id)
        if command is not None and not command.ended:
            self._sender.cancel(command)

    async def ended_elsewhere(self, org: OrgId, command_id: CommandId) -> None:
        """Another replica committed the end of a command: somebody may wait for it here."""
        name = (org, command_id)
        if self._waiting.expects(name):
            for command in await self._store.finished([name]):
                self._waiting.ended(command)

    # Dispatch

    async def dispatch(self, by: Principal, device_id: DeviceId, wish: Dispatch) -> Ledgered:
        """The command as it stands when it has ended, when it waits for its device, or after
        300 s; at once when `wish.wait` is False.

        Raises `Forbidden`, `NotFound`, `Conflict`, `TooManyCommands`, `Unavailable`, `Overloaded`.
        """
        _authorise(by, wish.command)
        command_id = wish.command.id or new_command_id()
        digest = self._digest(wish, device_id)
        new = self._new(by, device_id, wish, CommandId(command_id), digest)
        key = _key(by, wish, KeyRow(digest, new.command_id))
        name: Name = (by.org, new.command_id)
        with self._waiting.expect([name]) as futures:
            taken = await self._intakes.take(Intake(commands=[new], key=key))
            if taken.joined is None:
                command = _or_raise(taken.outcomes[0])
                ended = futures[name]
                return await self._until_ended(command, wish, ended)
        return await self._join(by, device_id, CommandId(taken.joined.subject), wish)

    async def _join(
        self, by: Principal, device_id: DeviceId, command_id: CommandId, wish: Dispatch
    ) -> Ledgered:
        """The command that an idempotency key stands for."""
        name: Name = (by.org, command_id)
        with self._waiting.expect([name]) as futures:
            command = await self.get(by.org, device_id, command_id)
            return await self._until_ended(command, wish, futures[name])

    async def _until_ended(
        self, command: Ledgered, wish: Dispatch, ended: "asyncio.Future[Ledgered]"
    ) -> Ledgered:
        if command.ended or not wish.wait or await self._waiting_for_device([command]):
            return command
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await ended
        except (TimeoutError, Stopped):
            return await self.get(command.org, command.device_id, command.command_id)

    # Bulk

    async def bulk(self, by: Principal, device_ids: Sequence[str], wish: Dispatch) -> BulkOutcome:
        """One command, a fresh id for each target. A target that is refused or unknown is its own
        entry. Raises `Forbidden` when the caller may not send this command to anybody."""
        _authorise(by, wish.command)
        if wish.command.id:
            raise invalid("command.id", "a bulk call makes a fresh id for each target")
        targets = list(dict.fromkeys(device_ids))
        digest = self._digest(wish, *sorted(targets))
        batch_id = uuid7()
        if not targets:
            return BulkOutcome(batch_id, {}, finished=True)
        commands = [
            self._new(by, DeviceId(d), wish, new_command_id(), digest, batch_id) for d in targets
        ]
        names = [(command.org, command.command_id) for command in commands]
        with self._waiting.expect(names) as futures:
            taken = await self._intakes.take(
                Intake(
                    commands=commands,
                    key=_key(by, wish, KeyRow(digest, batch_id)),
                    deed=_bulk_deed(by, commands, batch_id),
                )
            )
            if taken.joined is not None:
                return await self._join_batch(by.org, taken.joined, wish)
            results = {
                command.device_id: outcome
                for command, outcome in zip(commands, taken.outcomes, strict=True)
            }
            return await self._all_ended(batch_id, results, wish, futures)

    async def _join_batch(self, org: OrgId, key: KeyRow, wish: Dispatch) -> BulkOutcome:
        """The batch that an idempotency key stands for, with the targets that it refused."""
        batch_id = key.subject
        commands = await self._store.batch(org, batch_id)
        names = [(command.org, command.command_id) for command in commands]
        with self._waiting.expect(names) as futures:
            commands = await self._store.batch(org, batch_id)
            results: dict[DeviceId, Ledgered | HubError] = {c.device_id: c for c in commands}
            outcome = await self._all_ended(batch_id, results, wish, futures)
        refused = {d: _refused(error) for d, error in key.refused.items()}
        return BulkOutcome(batch_id, {**outcome.results, **refused}, outcome.finished)

    async def _all_ended(
        self,
        batch_id: str,
        results: "dict[DeviceId, Ledgered | HubError]",
        wish: Dispatch,
        futures: "dict[Name, asyncio.Future[Ledgered]]",
    ) -> BulkOutcome:
        unfinished = [
            outcome
            for outcome in results.values()
            if isinstance(outcome, Ledgered) and not outcome.ended
        ]
        away = await self._waiting_for_device(unfinished) if wish.wait else set[Name]()
        running = [
            futures[command.org, command.command_id]
            for command in unfinished
            if (command.org, command.command_id) not in away
        ]
        if running and wish.wait:
            await asyncio.wait(running, timeout=LONGEST_WAIT)
        for device_id, outcome in results.items():
            if isinstance(outcome, Ledgered):
                future = futures[outcome.org, outcome.command_id]
                results[device_id] = future.result() if _has_result(future) else outcome
        finished = all(_has_result(future) for future in running)
        return BulkOutcome(batch_id, {d: _entry(o) for d, o in results.items()}, finished)

    async def _waiting_for_device(self, commands: Sequence[Ledgered]) -> set[Name]:
        """Which of these are queued for a device that has no line: nobody is kept waiting."""
        queued = [c for c in commands if c.delivery == "queue" and c.status is State.PENDING]
        if not queued:
            return set()
        online = await self._store.on_line([(c.org, c.device_id) for c in queued])
        return {(c.org, c.command_id) for c in queued if (c.org, c.device_id) not in online}

    def _new(
        self,
        by: Principal,
        device_id: DeviceId,
        wish: Dispatch,
        command_id: CommandId,
        digest: bytes,
        batch_id: str | None = None,
    ) -> NewCommand:
        spec = spec_of(wish.command)
        return NewCommand(
            org=by.org,
            command_id=command_id,
            device_id=device_id,
            type=spec.name,
            params=params_of(wish.command),
            timeout_ms=wish.timeout_ms or spec.timeout_ms,
            delivery=wish.delivery,
            expires_at=self._expiry(wish),
            actor=by.actor,
            batch_id=batch_id,
            request_hash=digest,
        )

    def _expiry(self, wish: Dispatch) -> datetime | None:
        """Raises `Invalid`."""
        now = datetime.fromtimestamp(self._wall_clock(), UTC)
        if wish.delivery == "now":
            if wish.expires_at is not None:
                raise invalid("expiresAt", 'goes with "delivery":"queue"')
            return None
        expires_at = wish.expires_at or now + DEFAULT_EXPIRY
        if not now < expires_at <= now + LONGEST_EXPIRY:
            raise invalid("expiresAt", "must lie ahead, by 30 days at most")
        return expires_at

    def _digest(self, wish: Dispatch, *targets: str) -> bytes:
        spec = spec_of(wish.command)
        return request_hash(
            targets,
            spec.name,
            params_of(wish.command),
            wish.timeout_ms or spec.timeout_ms,
            wish.delivery,
            wish.expires_at.timestamp() if wish.expires_at else None,
        )

    # Cancelling

    async def cancel(self, by: Principal, device_id: DeviceId, command_id: CommandId) -> Ledgered:
        """Raises `NotFound`, `Forbidden`, or `Ended` when there is nothing left to cancel."""
        command = await self.get(by.org, device_id, command_id)
        if not may_dispatch(by, command.type):
            raise Forbidden(f"this role may not cancel {command.type}")
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_one(connection, by.org, device_id, command_id)
            if locked is None or locked.ended:
                raise Ended(f"the command has ended: {locked.status if locked else 'gone'}")
            if locked.status is State.PENDING:
                next_state(locked.status, Happening.WITHDRAW)
                command = await self._store.withdraw(
                    connection, locked, by=by.actor, error=_WITHDRAWN
                )
                for listener in self._listeners:
                    await listener.ended(connection, [command])
            else:
                command = await self._store.ask_cancel(connection, locked, by=by.actor)
            await self._audit.record(connection, _cancel_deed(by, command))
        if command.ended:
            self._announcer.ended(command)
        else:
            self._sender.cancel(command)
            self._hint_cancel(command.org, command.device_id, command.command_id)
        return command

    # Reading

    async def get(self, org: OrgId, device_id: DeviceId, command_id: CommandId) -> Ledgered:
        command = await self._store.get(org, device_id, command_id)
        if command is None:
            raise NotFound("no such command")
        return command

    async def list(
        self, org: OrgId, wanted: Filter, *, cursor: str | None, limit: int, offset: int = 0
    ) -> Items[Ledgered]:
        rows = await self._store.list(
            org, wanted, before=decode_cursor(cursor), limit=limit + 1, offset=offset
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.command_id), item=lambda row: row
        )

    async def forget(self, days: int) -> int:
        """Ended commands past their retention; how many, at most some thousands a call."""
        return await self._store.forget(days)


def _has_result(future: "asyncio.Future[Ledgered]") -> bool:
    return future.done() and future.exception() is None


def _authorise(by: Principal, command: Command) -> None:
    spec = spec_of(command)
    if not may_dispatch(by, spec.name):
        raise Forbidden(f"the role {by.role} may not dispatch {spec.name}")


def _or_raise(outcome: Ledgered | HubError) -> Ledgered:
    if isinstance(outcome, HubError):
        raise outcome
    return outcome


def _entry(outcome: Ledgered | HubError) -> CommandResult:
    if isinstance(outcome, Ledgered):
        return result_of(outcome)
    return _refused(refusal_of(outcome))


def _refused(error: dict[str, Any]) -> CommandResult:
    return CommandResult(command_id=None, status="REJECTED", success=False, error=error)


def _key(by: Principal, wish: Dispatch, row: KeyRow) -> tuple[Key, KeyRow] | None:
    return (Key(by.org, wish.path, wish.key), row) if wish.key else None


def _bulk_deed(by: Principal, commands: list[NewCommand], batch_id: str) -> Deed:
    targets = [command.device_id for command in commands]
    detail = {"batchId": batch_id, "deviceIds": targets}
    return Deed(org=by.org, actor=by.actor, action=f"command.{commands[0].type}", detail=detail)


def _cancel_deed(by: Principal, command: Ledgered) -> Deed:
    return Deed(
        org=by.org,
        actor=by.actor,
        action="command.cancel",
        target=command.device_id,
        detail={"commandId": command.command_id, "type": command.type},
    )
