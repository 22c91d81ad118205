"""Dispatch, bulk, history and cancel."""

import builtins
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, structs

from hub.approvals.service import Approval, ApprovalService, awaiting
from hub.audit.entries import Hide
from hub.base.errors import NotFound, invalid
from hub.base.paging import Items
from hub.base.principal import Principal
from hub.base.retention import ShownSince
from hub.commands.calls import NO_SUCH_COMMAND
from hub.commands.held import awaiting_record
from hub.commands.records import (
    CommandRecord,
    CommandRow,
    Delivery,
    record_of,
    record_without_secrets,
    result_of,
)
from hub.commands.service import BulkOutcome, CommandFilter, CommandRequest, CommandService
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Query
from hub.web.limits import RequestLimits
from hub.web.route import Call
from protocol.commands import Command, CommandType
from protocol.ids import UNREADABLE_COMMAND_IDS, CommandId, DeviceId, DeviceIdField, OrgId
from protocol.lifecycle import State
from protocol.signing import Signature

TimeoutMs = Annotated[int, Meta(ge=100, le=86_400_000)]
MAX_TARGETS: Final = 10_000
_KEY_LENGTH: Final = 255


class DispatchBody(Body, frozen=True):
    command: Command
    timeout_ms: TimeoutMs | None = None
    delivery: Delivery = "now"
    expires_at: Moment | None = None
    signature: Signature | None = None
    """By a person, outside the hub; then the command has an id."""
    approval: bool = False
    """Ask a second person first, whatever is set."""


class BulkBody(Body, frozen=True):
    device_ids: Annotated[list[DeviceIdField], Meta(max_length=MAX_TARGETS)]
    command: Command
    timeout_ms: TimeoutMs | None = None
    delivery: Delivery = "now"
    expires_at: Moment | None = None
    signatures: Annotated[dict[DeviceIdField, Signature], Meta(max_length=MAX_TARGETS)] | None = (
        None
    )
    """One for each target, with the `commandId` that it signs."""
    approval: bool = False
    """Ask a second person first, whatever is set."""


class HistoryQuery(ListQuery, frozen=True, kw_only=True):
    """The seed's `offset`, or a cursor."""

    offset: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    status: list[State] | None = None
    """Any of these."""
    type: list[CommandType] | None = None
    """Any of these."""
    batch_id: str | None = None
    actor: str | None = None
    finished: bool | None = None
    since: Moment | None = None
    until: Moment | None = None


class CommandsQuery(HistoryQuery, frozen=True, kw_only=True):
    device_id: DeviceIdField | None = None


class PendingQuery(Query, frozen=True, kw_only=True):
    status: Literal["PENDING"]
    """What was sent cannot be taken back in one call."""
    type: CommandType | None = None


class Cancelled(Struct, frozen=True):
    cancelled: int


PUSH_CONFIG: Final = "push_config"


class CommandEndpoints:
    """`secrets` gives what hides in configurations of an organisation that nobody reads back,
    `shown_since` since when it is shown what has ended."""

    def __init__(
        self,
        service: CommandService,
        limits: RequestLimits,
        approvals: ApprovalService,
        secrets: Callable[[OrgId], Awaitable[Hide]],
        shown_since: ShownSince,
    ) -> None:
        self._service = service
        self._approvals = approvals
        self._limits = limits
        self._secrets = secrets
        self._shown_since = shown_since

    async def dispatch(self, call: Call[None, DispatchBody]) -> Answer:
        device_id, signature = DeviceId(call.path("id")), call.body.signature
        signatures = {} if signature is None else {device_id: signature}
        command = await self._service.guarded.dispatch(
            call.principal, device_id, request_of(call, signatures)
        )
        if isinstance(command, Approval):
            return awaiting_answer(command, f"{_location(device_id)}/{command.subject}")
        return answer_of(command, asked_async=call.prefers_async())

    async def bulk(self, call: Call[None, BulkBody]) -> Answer:
        return await self._bulk_over(call, call.body.device_ids, call.body.signatures or {})

    async def bulk_over(self, call: Call[None, DispatchBody], device_ids: Sequence[str]) -> Answer:
        """One command to targets that the body does not name, so that nobody has signed it for
        each."""
        if call.body.signature is not None:
            raise invalid("signature", "is of one device: POST /commands/bulk takes one for each")
        return await self._bulk_over(call, device_ids, {})

    async def _bulk_over(
        self,
        call: Call[None, Any],
        device_ids: Sequence[str],
        signatures: Mapping[DeviceId, Signature],
    ) -> Answer:
        self._limits.further_commands(call.request.scope, call.principal, len(device_ids) - 1)
        request = request_of(call, signatures)
        outcome = await self._service.guarded.bulk(call.principal, device_ids, request)
        if isinstance(outcome, Approval):
            return awaiting_answer(outcome, f"/api/v1/commands?batchId={outcome.subject}")
        return bulk_answer(outcome, asked_async=call.prefers_async())

    async def history(self, call: Call[HistoryQuery, None]) -> Items[CommandRecord]:
        return await self._list(call, DeviceId(call.path("id")))

    async def list(self, call: Call[CommandsQuery, None]) -> Items[CommandRecord]:
        device_id = call.query.device_id
        return await self._list(call, None if device_id is None else DeviceId(device_id))

    async def _list(
        self, call: Call[Any, None], device_id: DeviceId | None
    ) -> Items[CommandRecord]:
        query: HistoryQuery = call.query
        wanted = CommandFilter(
            device_id=device_id,
            status=query.status,
            type=query.type,
            batch_id=query.batch_id,
            actor=query.actor,
            finished=query.finished,
            since=query.since,
            until=query.until,
            ended_since=await self._shown_since(call.principal.org),
        )
        page = await self._service.list(
            call.principal.org,
            wanted,
            cursor=query.cursor,
            limit=query.limit,
            offset=query.offset,
        )
        return Items(await self._shown(call.principal, page.items), page.next)

    async def get(self, call: Call[None, None]) -> CommandRecord:
        command = await self._service.guarded.get(
            call.principal.org, DeviceId(call.path("id")), CommandId(call.path("command_id"))
        )
        if isinstance(command, Approval):
            return awaiting_record(
                command, await self._approvals.command_for(call.principal, command)
            )
        since = await self._shown_since(call.principal.org)
        if since and command.finished_at and command.finished_at < since:
            raise NotFound(NO_SUCH_COMMAND)
        return (await self._shown(call.principal, [command]))[0]

    async def cancel_pending(self, call: Call[PendingQuery, None]) -> Answer:
        count = await self._service.cancel_pending(
            call.principal, DeviceId(call.path("id")), call.query.type
        )
        return Answer(Cancelled(count), status=202)

    async def cancel(self, call: Call[None, None]) -> Answer:
        command = await self._service.guarded.cancel(
            call.principal, DeviceId(call.path("id")), CommandId(call.path("command_id"))
        )
        return Answer((await self._shown(call.principal, [command]))[0], status=202)

    async def _shown(
        self, by: Principal, commands: Sequence[CommandRow]
    ) -> "builtins.list[CommandRecord]":
        """As this caller may see them."""
        pushes = any(command.type == PUSH_CONFIG for command in commands)
        hide = await self._secrets(by.org) if pushes else _nothing_hidden
        hidden = await self._service.rights.hidden_from(by, commands)
        return [_shown(command, hide, hidden=command.command_id in hidden) for command in commands]


def _nothing_hidden(document: dict[str, Any]) -> dict[str, Any]:
    return document


def _shown(command: CommandRow, hide: Hide, *, hidden: bool) -> CommandRecord:
    if hidden:
        return record_without_secrets(command)
    record = record_of(command)
    if command.type != PUSH_CONFIG:
        return record
    return structs.replace(
        record, params={**command.params, "patch": hide(command.params["patch"])}
    )


def request_of(call: Call[None, Any], signatures: Mapping[DeviceId, Signature]) -> CommandRequest:
    """What the call asks for. Raises `Invalid`."""
    body: DispatchBody | BulkBody = call.body
    if body.command.id in UNREADABLE_COMMAND_IDS:
        raise invalid("command.id", "a path cannot name it")
    key = call.header("idempotency-key")
    if key is not None and not (0 < len(key) <= _KEY_LENGTH and key.isprintable()):
        raise invalid("Idempotency-Key", f"1 to {_KEY_LENGTH} printable characters")
    return CommandRequest(
        command=body.command,
        timeout_ms=body.timeout_ms,
        delivery=body.delivery,
        expires_at=body.expires_at,
        key=key,
        approval=body.approval,
        path=call.request.scope["path"],
        wait=not call.prefers_async(),
        signatures=signatures,
    )


def answer_of(command: CommandRow, *, asked_async: bool) -> Answer:
    """200 with the result of a command that was waited for, 202 with its state otherwise."""
    if command.ended and not asked_async:
        return Answer(result_of(command), success=command.status is State.SUCCESS)
    return Answer(
        {"commandId": command.command_id, "status": str(command.status)},
        status=202,
        location=f"{_location(command.device_id)}/{command.command_id}",
    )


def _location(device_id: DeviceId) -> str:
    return f"/api/v1/devices/{device_id}/commands"


def awaiting_answer(approval: Approval, location: str) -> Answer:
    return Answer(awaiting(approval), status=202, location=location)


def bulk_answer(outcome: BulkOutcome, *, asked_async: bool) -> Answer:
    if asked_async or not outcome.finished:
        return Answer(
            {"batchId": outcome.batch_id, "results": outcome.results},
            status=202,
            location=f"/api/v1/commands?batchId={outcome.batch_id}",
        )
    return Answer(outcome.results)
