"""`/device-groups/{id}/config`: what a group gives its devices."""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hub.base.errors import invalid
from hub.commands.service import secret_in
from hub.config.defaults import GroupDefault
from hub.config.group_defaults import MOST_BYTES, GroupDefaults
from hub.config.service import ConfigService
from hub.config.store import GroupDefaultRow
from hub.web.inputs import Body
from hub.web.route import Call
from protocol.canonical import canonical_json
from protocol.codec import rfc3339
from protocol.ids import DeviceId

DEFAULT_PRIORITY: Final = 100


class GroupConfigBody(Body, frozen=True):
    """`dryRun` changes nothing, and answers what would change."""

    document: dict[str, Any]
    priority: Annotated[int, Meta(ge=0, le=1000)] = DEFAULT_PRIORITY
    dry_run: bool = False


class GroupConfig(Struct, frozen=True, rename="camel", kw_only=True):
    document: dict[str, Any]
    priority: int
    updated_at: str
    updated_by: str


class GroupConfigOutcome(Struct, frozen=True, rename="camel", kw_only=True):
    """What was set; of a dry run how many devices would change, and some of them."""

    document: dict[str, Any] | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    updated_at: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    count: int | UnsetType = UNSET
    sample: list[DeviceId] | UnsetType = UNSET


class GroupConfigEndpoints:
    def __init__(self, service: GroupDefaults, config: ConfigService) -> None:
        self._service = service
        self._config = config

    async def get(self, call: Call[None, None]) -> GroupConfig:
        row = await self._service.get(call.principal.org, call.path("id"))
        return await self._shown(call, row)

    async def set(self, call: Call[None, GroupConfigBody]) -> GroupConfigOutcome:
        group = _group(call.path("id"), call.body)
        if call.body.dry_run:
            found = await self._service.preview(call.principal.org, group)
            return GroupConfigOutcome(count=found.count, sample=found.sample)
        shown = await self._shown(call, await self._service.set(call.principal, group))
        return GroupConfigOutcome(**structs.asdict(shown))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def _shown(self, call: "Call[None, Any]", row: GroupDefaultRow) -> GroupConfig:
        hide = await self._config.secrets(call.principal.org)
        return GroupConfig(
            document=hide(row.document),
            priority=row.priority,
            updated_at=rfc3339(row.updated_at),
            updated_by=row.updated_by,
        )


def _group(group_id: str, body: GroupConfigBody) -> GroupDefault:
    """Raises `Invalid`."""
    secret = secret_in(body.document)
    if secret is not None:
        raise invalid(f"document{secret}", "no such secret")
    if len(canonical_json(body.document)) > MOST_BYTES:
        raise invalid("document", f"over {MOST_BYTES} bytes")
    return GroupDefault(group_id=group_id, priority=body.priority, document=body.document)
