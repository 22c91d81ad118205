"""The calls that dispatch: one command, or one for each of many devices, waited for or not."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct, structs

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Forbidden, HubError, NotFound, invalid
from hub.base.principal import Principal
from hub.commands.acceptance import refusal_of
from hub.commands.accepting import Acceptor
from hub.commands.evidence import refused_entries
from hub.commands.records import CommandResult, CommandRow, IdempotencyRow, result_of
from hub.commands.requests import CommandRequest, submission_of
from hub.commands.rights import DispatchRights
from hub.commands.signature_checks import SignatureChecks
from hub.commands.signed import id_of_one, ids_of_many
from hub.commands.store import CommandStore
from hub.commands.waiting import Stopped, Waiters
from hub.own.service import OwnService, OwnTerms
from hub.rights.access import DANGEROUS
from hub.secrets.service import SecretService
from protocol.commands import Command, Custom, Danger, may_name_secrets, params_of, type_of
from protocol.ids import CommandId, CommandKey, DeviceId, OrgId, new_command_id, uuid7
from protocol.lifecycle import State
from protocol.replies import ErrorObject
from protocol.secret_values import filled, references_in

LONGEST_WAIT: Final = 300.0
NO_SUCH_COMMAND: Final = "no such command"


class BulkOutcome(Struct, frozen=True):
    """A result for each target; `finished` is False when some still run."""

    batch_id: str
    results: dict[str, CommandResult]
    finished: bool


class Calls:
    """`database_clock` gives seconds since 1970. `require_current_view` raises `Unavailable` when
    this replica may not know who has lost what right."""

    def __init__(
        self,
        store: CommandStore,
        acceptor: Acceptor,
        waiting: Waiters,
        audit: AuditService,
        own: OwnService,
        rights: DispatchRights,
        secrets: SecretService,
        signatures: SignatureChecks,
        *,
        require_current_view: Callable[[], None],
        database_clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._acceptor = acceptor
        self._waiting = waiting
        self._audit = audit
        self._own = own
        self._rights = rights
        self._secrets = secrets
        self._signatures = signatures
        self._require_current_view = require_current_view
        self._database_clock = database_clock

    # One

    async def dispatch(
        self, by: Principal, device_id: DeviceId, request: CommandRequest
    ) -> CommandRow:
        """The command as it stands when it has ended, when it waits for its device, or after
        300 s; at once when `request.wait` is False.

        Raises `Forbidden`, `NotFound`, `Conflict`, `TooManyCommands`, `Unavailable`, `Overloaded`.
        """
        _, refusals = await self._authorise(by, request.command, [device_id])
        for refusal in refusals.values():
            raise refusal
        unknown = await self._secrets_of(by, request.command, [device_id])
        terms = await self._terms(by, request.command, [device_id])
        command_id = id_of_one(request.command, request.signatures.get(device_id))
        faults = await self._signatures.faults(by, request, [(device_id, command_id)])
        now = self._database_clock()
        submission = submission_of(
            request, by, [(device_id, command_id)], now=now, terms=terms, unknown=unknown,
            faults=faults,
        )  # fmt: skip
        name: CommandKey = (by.org, command_id)
        with self._waiting.expect([name]) as futures:
            taken = await self._acceptor.take(submission)
            if taken.joined is None:
                await self._signatures.note(by, submission, taken)
                command = _or_raise(taken.outcomes[0])
                if command.command_id != command_id:  # an equal one waits
                    await self._note_joins(by, [command])
                    return await self._join(by, device_id, command.command_id, request)
                if command.owner_id != by.subject:
                    await self._note_joins(by, [command])
                return await self._until_ended(command, request, futures[name])
        return await self._join(by, device_id, CommandId(taken.joined.subject), request)

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

    async def _authorise(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> tuple[list[str], dict[str, HubError]]:
        """(targets that it may go to, refusals of the others). Raises `Forbidden`; `Unavailable`
        for a dangerous command when rights may be out of date."""
        kind = type_of(command)
        try:
            allowed, refusals = await self._rights.sort(by, command, targets)
        except Forbidden:
            await self._audit.note(*refused_entries(by, f"command.{kind}", targets))
            raise
        if refusals:
            await self._audit.note(*refused_entries(by, f"command.{kind}", list(refusals)))
        if kind in DANGEROUS:
            self._require_current_view()
        return allowed, refusals

    async def _secrets_of(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> HubError | None:
        """Why what the command names cannot be sent. Raises `Forbidden`."""
        if not may_name_secrets(type_of(command)):
            return None
        try:
            return await self._secrets.problem(by, params_of(command), "command")
        except Forbidden:
            await self._audit.note(*refused_entries(by, f"command.{type_of(command)}", targets))
            raise

    async def _terms(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> dict[DeviceId, OwnTerms]:
        """Of a device's own command, as each target describes it. Raises `Unavailable` for a
        dangerous one when rights may be out of date."""
        if not isinstance(command, Custom):
            return {}
        described = await self._as_it_runs(by.org, command)
        terms = await self._own.terms(by.org, described, [DeviceId(each) for each in targets])
        if any(each.danger is not Danger.NO for each in terms.values()):
            self._require_current_view()
        return terms

    async def _as_it_runs(self, org: OrgId, command: Custom) -> Custom:
        """With the secrets that it names: a description says what they may be."""
        references = references_in(command.args)
        if not references:
            return command
        values = await self._secrets.values_of(org, references)
        if len(values) < len(references):  # it is refused
            return command
        return structs.replace(command, args=filled(command.args, values))

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
        """One command, a fresh id for each target. A target that is refused or unknown is its own
        entry. Raises `Forbidden` when the caller may not send this command to anybody."""
        targets = list(dict.fromkeys(device_ids))
        targets, refusals = await self._authorise(by, request.command, targets)
        refused = {target: _entry(refusal) for target, refusal in refusals.items()}
        if request.command.id:
            raise invalid("command.id", "a bulk call makes a fresh id for each target")
        batch_id = uuid7()
        if not targets:
            return BulkOutcome(batch_id, refused, finished=True)
        ids = ids_of_many(device_ids, request.signatures) if request.signatures else {}
        named = [(target, ids.get(target) or new_command_id()) for target in map(DeviceId, targets)]
        unknown = await self._secrets_of(by, request.command, targets)
        terms = await self._terms(by, request.command, targets)
        faults = await self._signatures.faults(by, request, named)
        now = self._database_clock()
        submission = submission_of(
            request, by, named, now=now, batch_id=batch_id, terms=terms, unknown=unknown,
            faults=faults,
        )  # fmt: skip
        with self._waiting.expect([(by.org, name) for _, name in named]) as futures:
            taken = await self._acceptor.take(submission)
            if taken.joined is not None:
                return await self._join_batch(by.org, taken.joined, request)
            await self._signatures.note(by, submission, taken)
            results = {
                device_id: outcome
                for (device_id, _), outcome in zip(named, taken.outcomes, strict=True)
            }
            joined = [
                each
                for each in results.values()
                if isinstance(each, CommandRow) and (each.org, each.command_id) not in futures
            ]
            await self._note_joins(by, joined)
            with self._waiting.expect([(each.org, each.command_id) for each in joined]) as others:
                outcome = await self._all_ended(batch_id, results, request, futures | others)
        return BulkOutcome(batch_id, {**outcome.results, **refused}, outcome.finished)

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
        refused = {d: _refused(error) for d, error in key.refused.items()}
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
    return _refused(refusal_of(outcome))


def _refused(error: ErrorObject) -> CommandResult:
    return CommandResult(command_id=None, status="REJECTED", success=False, error=error)
