"""Cancelling: a command that was not sent is withdrawn; of one that was, the device is asked."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from hub.audit.entries import AuditEntry, AuditOutcome, audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Forbidden, NotFound
from hub.base.principal import Principal
from hub.commands.announce import Announcer, Hints
from hub.commands.decisions import cancel
from hub.commands.ledger import Listeners
from hub.commands.records import CommandRow, error_of
from hub.commands.rights import DispatchRights
from hub.commands.sending import Sender
from hub.commands.store import CommandStore
from protocol.commands import CommandType
from protocol.errors import CommandErrorCode
from protocol.ids import CommandId, CommandKey, DeviceId, ReplicaId

_WITHDRAWN: Final = error_of(CommandErrorCode.CANCELLED, "cancelled before it was sent")


class Cancels:
    def __init__(
        self,
        store: CommandStore,
        audit: AuditService,
        sender: Sender,
        announcer: Announcer,
        listeners: Listeners,
        rights: DispatchRights,
        *,
        hints: Hints,
    ) -> None:
        self._store = store
        self._audit = audit
        self._sender = sender
        self._announcer = announcer
        self._listeners = listeners
        self._rights = rights
        self._hints = hints

    async def cancel(self, by: Principal, device_id: DeviceId, command_id: CommandId) -> CommandRow:
        """Raises `NotFound`, `Forbidden`, or `Ended` when there is nothing left to cancel."""
        async with (
            self._noting_refusals(by) as refused,
            self._store.database.tenant(by.org).transaction() as connection,
        ):
            locked = await self._store.lock_one(connection, by.org, device_id, command_id)
            if locked is None:
                raise NotFound("no such command")
            command, owner = locked
            if not await self._rights.may_cancel(by, command.type, device_id):
                refused.append(command)
                raise Forbidden(f"this role may not cancel {command.type}")
            if cancel(command.status) is command.status:
                command = await self._store.ask_cancel(connection, command, by=by.actor)
            else:
                command = await self._store.withdraw(
                    connection, command, by=by.actor, error=_WITHDRAWN
                )
                await self._listeners.ended(connection, [command])
            await self._audit.record(connection, _entry(by, command))
        self._cancelled(command, owner)
        return command

    async def cancel_pending(
        self, by: Principal, device_id: DeviceId, kind: CommandType | None
    ) -> int:
        """Withdraw what waits for a device, each by the right to its type; how many. Raises
        `Forbidden` when the caller may withdraw none of what is there."""
        async with (
            self._noting_refusals(by) as refused,
            self._store.database.tenant(by.org).transaction() as connection,
        ):
            found = await self._store.lock_pending(connection, by.org, device_id, kind)
            kinds = {command.type for command in found}
            mine_are = {
                kind for kind in kinds if await self._rights.may_cancel(by, kind, device_id)
            }
            mine = [command for command in found if command.type in mine_are]
            if found and not mine:
                refused.extend(found)
                raise Forbidden("this role may not cancel the waiting commands of the device")
            ended = [
                await self._store.withdraw(connection, each, by=by.actor, error=_WITHDRAWN)
                for each in mine
            ]
            await self._listeners.ended(connection, ended)
            await self._audit.record(connection, *(_entry(by, command) for command in ended))
        for command in ended:
            self._cancelled(command, None)
        return len(ended)

    @asynccontextmanager
    async def _noting_refusals(self, by: Principal) -> AsyncGenerator[list[CommandRow]]:
        """For the audit, when the transaction within has given its connection back."""
        refused: list[CommandRow] = []
        try:
            yield refused
        finally:
            await self._audit.note(*(_entry(by, command, outcome="refused") for command in refused))

    def _cancelled(self, command: CommandRow, owner: ReplicaId | None) -> None:
        if command.ended:
            self._announcer.ended(command)
        elif self._sender.has_line((command.org, command.device_id)):
            self._sender.cancel(command)
        elif owner is not None:
            self._hints.cancel(owner, (command.org, command.command_id))

    async def cancel_here(self, names: Sequence[CommandKey]) -> None:
        """Another replica wants commands cancelled whose devices have their line here."""
        for command in (await self._store.by_names(names)).values():
            if not command.ended:
                self._sender.cancel(command)


def _entry(by: Principal, command: CommandRow, *, outcome: AuditOutcome = "ok") -> AuditEntry:
    return audit_entry(
        by,
        "command.cancel",
        command.device_id,
        commandId=command.command_id,
        type=command.type,
        outcome=outcome,
    )
