"""The calls that dispatch: one command, or one for each of many devices, waited for or not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import HubError, NotFound
from hub.base.principal import Principal
from hub.commands.acceptance import CommandOutcome, SubmissionOutcome, refusal_of
from hub.commands.accepting import Acceptor
from hub.commands.preparing import Preparation, PreparedCall
from hub.commands.records import (
    CommandResult,
    CommandRow,
    IdempotencyRow,
    refused_result,
    result_of,
)
from hub.commands.requests import CommandRequest, GivenIds
from hub.commands.store import CommandStore
from hub.commands.waiting import Stopped, Waiters
from protocol.ids import CommandId, CommandKey, DeviceId, OrgId, uuid7
from protocol.lifecycle import State

LONGEST_WAIT: Final = 300.0
NO_SUCH_COMMAND: Final = "no such command"


class BulkOutcome(Struct, frozen=True):
    """A result for each target; `finished` is False when some still run."""

    batch_id: str
    results: dict[str, CommandResult]
    finished: bool


TakenNote = Callable[[SubmissionOutcome], Awaitable[None]]


async def ignore(_: SubmissionOutcome) -> None:
    """Most calls count for nothing."""


class Calls:
    def __init__(
        self,
        store: CommandStore,
        acceptor: Acceptor,
        waiting: Waiters,
        audit: AuditService,
        preparation: Preparation,
    ) -> None:
        self._store = store
        self._acceptor = acceptor
        self._waiting = waiting
        self._audit = audit
        self._preparation = preparation

    # One

    async def dispatch(
        self, by: Principal, device_id: DeviceId, request: CommandRequest
    ) -> CommandRow:
        """The command as it stands when it has ended, when it waits for its device, or after
        300 s; at once when `request.wait` is False. It waits for nobody's approval.

        Raises `Forbidden`, `NotFound`, `Conflict`, `TooManyCommands`, `Unavailable`, `Overloaded`.
        """
        return await self.send(by, await self._preparation.one(by, device_id, request))

    async def send(
        self, by: Principal, prepared: PreparedCall, taken_note: TakenNote = ignore
    ) -> CommandRow:
        """As `dispatch`. `taken_note` hears what was accepted."""
        request, (new,) = prepared.request, prepared.submission.commands
        name: CommandKey = (by.org, new.command_id)
        with self._waiting.expect([name]) as futures:
            taken = await self._acceptor.take(prepared.submission)
            await taken_note(taken)
            if taken.joined is None:
                await self._preparation.note(by, prepared, taken)
                command = _or_raise(taken.outcomes[0])
                if command.command_id != new.command_id:  # an equal one waits
                    await self._note_joins(by, [command])
                    return await self._join(by, new.device_id, command.command_id, request)
                if command.owner_id != by.subject:
                    await self._note_joins(by, [command])
                return await self._until_ended(command, request, futures[name])
        return await self._join(by, new.device_id, CommandId(taken.joined.subject), request)

    async def _join(
        self, by: Principal, device_id: DeviceId, command_id: CommandId, request: CommandRequest
    ) -> CommandRow:
        """The command that an idempotency key stands for."""
        name: CommandKey = (by.org, command_id)
        with self._waiting.expect([name]) as futures:
            command = await self.get(by.org, device_id, command_id)
            return await self._until_ended(command, request, futures[name])

    async def _until_ended(
        self, command: CommandRow, request: CommandRequest, ended: "asyncio.Future[CommandRow]"
    ) -> CommandRow:
        if command.ended or not request.wait or await self._waiting_for_device([command]):
            return command
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await ended
        except (TimeoutError, Stopped):
            return await self.get(command.org, command.device_id, command.command_id)

    async def get(self, org: OrgId, device_id: DeviceId, command_id: CommandId) -> CommandRow:
        """Raises `NotFound`."""
        command = await self._store.get(org, device_id, command_id)
        if command is None:
            raise NotFound(NO_SUCH_COMMAND)
        return command

    async def _note_joins(self, by: Principal, commands: Sequence[CommandRow]) -> None:
        """The call joins commands that were there; the audit says so."""
        entries = [
            audit_entry(
                by, f"command.{each.type}", each.device_id, commandId=each.command_id, joined=True
            )
            for each in commands
        ]
        await self._audit.note(*entries)

    # Many

    async def bulk(
        self, by: Principal, device_ids: Sequence[str], request: CommandRequest
    ) -> BulkOutcome:
        """As `dispatch`, a fresh id for each target. A target that is refused or unknown is its
        own entry. Raises `Forbidden` when the caller may not send this command to anybody."""
        return await self.send_many(by, await self._preparation.many(by, device_ids, request))

    async def send_many(
        self, by: Principal, prepared: PreparedCall, taken_note: TakenNote = ignore
    ) -> BulkOutcome:
        """As `bulk`. `taken_note` hears what was accepted."""
        request, submission = prepared.request, prepared.submission
        batch_id = prepared.batch_id or ""
        if not submission.commands:
            return BulkOutcome(batch_id, dict(prepared.refused), finished=True)
        with self._waiting.expect([(by.org, new.command_id) for new in submission.commands]) as (
            futures
        ):
            taken = await self._acceptor.take(submission)
            await taken_note(taken)
            if taken.joined is not None:
                return await self._join_batch(by.org, taken.joined, request)
            await self._preparation.note(by, prepared, taken)
            results = {
                new.device_id: outcome
                for new, outcome in zip(submission.commands, taken.outcomes, strict=True)
            }
            joined = [
                each
                for each in results.values()
                if isinstance(each, CommandRow) and (each.org, each.command_id) not in futures
            ]
            await self._note_joins(by, joined)
            with self._waiting.expect([(each.org, each.command_id) for each in joined]) as others:
                outcome = await self._all_ended(batch_id, results, request, futures | others)
        results = {**outcome.results, **prepared.refused}
        return BulkOutcome(batch_id, results, outcome.finished)

    async def send_given(
        self,
        by: Principal,
        request: CommandRequest,
        named: list[tuple[DeviceId, CommandId]],
        *,
        batch_id: str,
        given: GivenIds,
    ) -> dict[DeviceId, CommandOutcome]:
        """What became of each target, to all of which the caller may send it; nobody waits for the
        end. What was sent before is joined. Raises the call's own problem, `Unavailable`,
        `Overloaded`."""
        prepared = await self._preparation.prepared(
            by, request, named, batch_id=batch_id, given=given
        )
        taken = await self._acceptor.take(prepared.submission)
        return {
            device_id: outcome
            for (device_id, _), outcome in zip(named, taken.outcomes, strict=True)
        }

    async def check(self, by: Principal, request: CommandRequest) -> None:
        """Raises what is wrong with it, whoever gets it."""
        prepared = await self._preparation.prepared(by, request, [], batch_id=uuid7())
        if prepared.submission.problem is not None:
            raise prepared.submission.problem

    async def _join_batch(
        self, org: OrgId, key: IdempotencyRow, request: CommandRequest
    ) -> BulkOutcome:
        """The batch that an idempotency key stands for, with the targets that it refused."""
        batch_id = key.subject
        commands = await self._store.batch(org, batch_id)
        names = [(command.org, command.command_id) for command in commands]
        with self._waiting.expect(names) as futures:
            commands = await self._store.batch(org, batch_id)
            results: dict[DeviceId, CommandRow | HubError] = {c.device_id: c for c in commands}
            outcome = await self._all_ended(batch_id, results, request, futures)
        refused = {d: refused_result(error) for d, error in key.refused.items()}
        return BulkOutcome(batch_id, {**outcome.results, **refused}, outcome.finished)

    async def _all_ended(
        self,
        batch_id: str,
        results: "dict[DeviceId, CommandRow | HubError]",
        request: CommandRequest,
        futures: "dict[CommandKey, asyncio.Future[CommandRow]]",
    ) -> BulkOutcome:
        unfinished = [
            outcome
            for outcome in results.values()
            if isinstance(outcome, CommandRow) and not outcome.ended
        ]
        away = await self._waiting_for_device(unfinished) if request.wait else set[CommandKey]()
        running = [
            futures[command.org, command.command_id]
            for command in unfinished
            if (command.org, command.command_id) not in away
        ]
        if running and request.wait:
            await asyncio.wait(running, timeout=LONGEST_WAIT)
        for device_id, outcome in results.items():
            if isinstance(outcome, CommandRow):
                future = futures[outcome.org, outcome.command_id]
                results[device_id] = future.result() if _has_result(future) else outcome
        finished = all(_has_result(future) for future in running)
        return BulkOutcome(batch_id, {d: _entry(o) for d, o in results.items()}, finished)

    async def _waiting_for_device(self, commands: Sequence[CommandRow]) -> set[CommandKey]:
        """Which of these are queued for a device that has no line: nobody is kept waiting."""
        queued = [c for c in commands if c.delivery == "queue" and c.status is State.PENDING]
        if not queued:
            return set()
        online = await self._store.on_line([(c.org, c.device_id) for c in queued])
        return {(c.org, c.command_id) for c in queued if (c.org, c.device_id) not in online}


def _has_result(future: "asyncio.Future[CommandRow]") -> bool:
    return future.done() and future.exception() is None


def _or_raise(outcome: CommandRow | HubError) -> CommandRow:
    if isinstance(outcome, HubError):
        raise outcome
    return outcome


def _entry(outcome: CommandRow | HubError) -> CommandResult:
    if isinstance(outcome, CommandRow):
        return result_of(outcome)
    return refused_result(refusal_of(outcome))
