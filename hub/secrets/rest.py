"""`/secrets`: what is put in is never read back."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.base.errors import invalid
from hub.base.paging import Items
from hub.secrets.records import SecretRow
from hub.secrets.service import SecretService
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.secret_values import SECRET_NAME

SecretName = Annotated[str, Meta(pattern=f"^{SECRET_NAME}$(?!\\n)")]
Data = dict[str, str]


class SecretBody(Body, frozen=True):
    name: SecretName
    data: Data


class SecretDataBody(Body, frozen=True):
    data: Data
    name: SecretName | None = None


class SecretItem(Struct, frozen=True, rename="camel", kw_only=True):
    """Without its values."""

    id: str
    name: str
    keys: list[str]
    hash: str
    """Another when the values are others; nothing can be guessed by it."""
    version: int
    created_at: str
    created_by: str
    updated_at: str


class SecretEndpoints:
    def __init__(self, service: SecretService) -> None:
        self._service = service

    async def list(self, call: Call[ListQuery, None]) -> Items[SecretItem]:
        page = await self._service.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_item(row) for row in page.items], page.next)

    async def create(self, call: Call[None, SecretBody]) -> Answer:
        made = await self._service.create(call.principal, call.body.name, call.body.data)
        return Answer(_item(made), status=201, location=f"/api/v1/secrets/{made.name}")

    async def get(self, call: Call[None, None]) -> SecretItem:
        return _item(await self._service.get(call.principal, call.path("name")))

    async def replace(self, call: Call[None, SecretDataBody]) -> SecretItem:
        name = call.path("name")
        if call.body.name not in (None, name):
            raise invalid("name", "is the one of the path: a secret keeps its name")
        return _item(await self._service.replace(call.principal, name, call.body.data))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("name"))


def _item(row: SecretRow) -> SecretItem:
    return SecretItem(
        id=row.name,
        name=row.name,
        keys=row.keys,
        hash=row.hash,
        version=row.version,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
    )
