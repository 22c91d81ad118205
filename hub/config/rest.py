"""`/devices/{id}/config` and its history."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from hub.approvals.service import Approval, awaiting
from hub.audit.entries import Hide
from hub.base.paging import Items, decode_number_cursor, encode_cursor
from hub.commands.service import CommandRequest, CommandService
from hub.config.service import ConfigService, ConfigState, HistoryRow, SchemaRow
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from protocol.canonical import hash_of
from protocol.codec import at, rfc3339
from protocol.ids import DeviceId, OrgId


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    desired: dict[str, Any]
    own: dict[str, Any]
    """The part of the device itself; the rest is its groups'."""
    from_: dict[str, str] = field(name="from")
    """By the dotted path of each leaf: the id of a group, or `own`."""
    desired_version: int
    desired_hash: str
    reported: dict[str, Any]
    reported_version: int | None
    reported_hash: str | None
    status: str
    error: str | None


class ConfigChange(Struct, frozen=True, rename="camel", kw_only=True):
    version: int
    at: str
    actor: str
    command_id: str
    patch: dict[str, Any]
    outcome: str
    device_version: int | None
    error: str | None
    ended_at: str | None


class SchemaBody(Body, frozen=True):
    schema: dict[str, Any]


class RevertBody(Body, frozen=True):
    """`version`: an earlier desired version; 0 is the empty configuration."""

    version: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ConfigSchema(Struct, frozen=True, rename="camel", kw_only=True):
    schema: dict[str, Any]
    updated_at: str
    updated_by: str


class ConfigEndpoints:
    def __init__(self, service: ConfigService, commands: CommandService) -> None:
        self._service = service
        self._commands = commands

    async def get(self, call: Call[None, None]) -> Config:
        org, device_id = call.principal.org, DeviceId(call.path("id"))
        return await self._shown(org, device_id, await self._service.get(org, device_id))

    async def revert(self, call: Call[None, RevertBody]) -> Config | Answer:
        """A push like any other: it waits for a device that is away."""
        org, device_id = call.principal.org, DeviceId(call.path("id"))
        push = await self._service.way_back(org, device_id, call.body.version)
        request = CommandRequest(command=push, delivery="queue", wait=False)
        pushed = await self._commands.guarded.dispatch(call.principal, device_id, request)
        if isinstance(pushed, Approval):
            location = f"/api/v1/devices/{device_id}/commands/{pushed.subject}"
            return Answer(awaiting(pushed), status=202, location=location)
        return await self._shown(org, device_id, await self._service.get(org, device_id))

    async def retry(self, call: Call[None, None]) -> Config:
        org, device_id = call.principal.org, DeviceId(call.path("id"))
        standing = await self._service.retry(call.principal, device_id)
        return await self._shown(org, device_id, standing)

    async def _shown(self, org: OrgId, device_id: DeviceId, standing: ConfigState) -> Config:
        hide = await self._service.secrets(org)
        return _config(standing, await self._service.sources(org, device_id, standing.own), hide)

    async def history(self, call: Call[ListQuery, None]) -> Items[ConfigChange]:
        key = decode_number_cursor(call.query.cursor)
        limit = call.query.limit
        rows = await self._service.history(
            call.principal.org,
            DeviceId(call.path("id")),
            below=key[1] if key else None,
            limit=limit + 1,
        )
        shown = rows[:limit]
        more = len(rows) > limit
        following = encode_cursor((shown[-1].at, str(shown[-1].version))) if more else None
        hide = await self._service.secrets(call.principal.org)
        return Items([_change(row, hide) for row in shown], following)

    async def schema(self, call: Call[None, None]) -> ConfigSchema:
        return _schema(await self._service.schema(call.principal.org))

    async def set_schema(self, call: Call[None, SchemaBody]) -> ConfigSchema:
        return _schema(await self._service.set_schema(call.principal, call.body.schema))

    async def delete_schema(self, call: Call[None, None]) -> None:
        await self._service.delete_schema(call.principal)


def _config(row: ConfigState, sources: dict[str, str], hide: Hide) -> Config:
    return Config(
        desired=hide(row.desired),
        own=hide(row.own),
        from_=sources,
        desired_version=row.desired_version,
        desired_hash=hash_of(row.desired),
        reported=hide(row.reported),
        reported_version=row.reported_version,
        reported_hash=row.reported_hash,
        status=row.status,
        error=row.error,
    )


def _change(row: HistoryRow, hide: Hide) -> ConfigChange:
    return ConfigChange(
        version=row.version,
        at=rfc3339(row.at),
        actor=row.actor,
        command_id=row.command_id,
        patch=hide(row.patch),
        outcome=row.outcome,
        device_version=row.device_version,
        error=row.error,
        ended_at=at(row.ended_at),
    )


def _schema(row: SchemaRow) -> ConfigSchema:
    return ConfigSchema(
        schema=row.schema, updated_at=rfc3339(row.updated_at), updated_by=row.updated_by
    )
