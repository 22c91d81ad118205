"""`/config-maps` and `/registries`."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.base.errors import invalid
from hub.base.paging import Items
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from hub.workloads.data import WorkloadDataService, new_registry
from hub.workloads.data_store import ConfigMapRow, RegistryRow
from protocol.codec import rfc3339
from protocol.secret_values import SECRET_NAME

DataName = Annotated[str, Meta(pattern=f"^{SECRET_NAME}$(?!\\n)")]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Password = Annotated[str, Meta(min_length=1, max_length=16_384)]
Data = dict[str, str]


class ConfigMapBody(Body, frozen=True):
    name: DataName
    data: Data


class ConfigMapDataBody(Body, frozen=True):
    data: Data
    name: DataName | None = None


class ConfigMapItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    data: Data
    hash: str
    version: int
    created_at: str
    created_by: str
    updated_at: str


class RegistryBody(Body, frozen=True):
    """`ca`: certificates in PEM, where others than the usual ones count."""

    name: DataName
    url: Url
    username: Text | None = None
    password: Password | None = None
    ca: str | None = None


class RegistryChange(Body, frozen=True):
    url: Url
    username: Text | None = None
    password: Password | None = None
    ca: str | None = None
    name: DataName | None = None


class RegistryItem(Struct, frozen=True, rename="camel", kw_only=True):
    """Without its password, which nobody reads back."""

    id: str
    name: str
    url: str
    host: str
    """As images name it."""
    username: str | None
    has_password: bool
    ca: str | None
    version: int
    created_at: str
    created_by: str
    updated_at: str


class WorkloadDataEndpoints:
    def __init__(self, service: WorkloadDataService) -> None:
        self._service = service

    async def list_config_maps(self, call: Call[ListQuery, None]) -> Items[ConfigMapItem]:
        page = await self._service.config_maps(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_config_map(row) for row in page.items], page.next)

    async def create_config_map(self, call: Call[None, ConfigMapBody]) -> Answer:
        made = await self._service.create_config_map(call.principal, call.body.name, call.body.data)
        location = f"/api/v1/config-maps/{made.name}"
        return Answer(_config_map(made), status=201, location=location)

    async def get_config_map(self, call: Call[None, None]) -> ConfigMapItem:
        return _config_map(await self._service.config_map(call.principal, call.path("name")))

    async def replace_config_map(self, call: Call[None, ConfigMapDataBody]) -> ConfigMapItem:
        name = call.path("name")
        _require_same(call.body.name, name)
        return _config_map(
            await self._service.replace_config_map(call.principal, name, call.body.data)
        )

    async def delete_config_map(self, call: Call[None, None]) -> None:
        await self._service.delete_config_map(call.principal, call.path("name"))

    async def list_registries(self, call: Call[ListQuery, None]) -> Items[RegistryItem]:
        page = await self._service.registries(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_registry(row) for row in page.items], page.next)

    async def create_registry(self, call: Call[None, RegistryBody]) -> Answer:
        body = call.body
        new = new_registry(body.url, body.username, body.password, body.ca)
        made = await self._service.create_registry(call.principal, body.name, new)
        location = f"/api/v1/registries/{made.name}"
        return Answer(_registry(made), status=201, location=location)

    async def get_registry(self, call: Call[None, None]) -> RegistryItem:
        return _registry(await self._service.registry(call.principal.org, call.path("name")))

    async def replace_registry(self, call: Call[None, RegistryChange]) -> RegistryItem:
        body, name = call.body, call.path("name")
        _require_same(body.name, name)
        new = new_registry(body.url, body.username, body.password, body.ca)
        return _registry(await self._service.replace_registry(call.principal, name, new))

    async def delete_registry(self, call: Call[None, None]) -> None:
        await self._service.delete_registry(call.principal, call.path("name"))


def _require_same(given: str | None, name: str) -> None:
    """Raises `Invalid`."""
    if given not in (None, name):
        raise invalid("name", "is the one of the path: it stays")


def _config_map(row: ConfigMapRow) -> ConfigMapItem:
    return ConfigMapItem(
        id=row.name,
        name=row.name,
        data=row.data,
        hash=row.hash,
        version=row.version,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
    )


def _registry(row: RegistryRow) -> RegistryItem:
    return RegistryItem(
        id=row.name,
        name=row.name,
        url=row.url,
        host=row.host,
        username=row.username,
        has_password=row.has_password,
        ca=row.ca,
        version=row.version,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
    )
