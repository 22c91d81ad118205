"""`/api-keys`."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts.api_key_store import ApiKeyRow
from hub.accounts.api_keys import ApiKeyService
from hub.base.paging import Items
from hub.base.principal import Role
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339


class ApiKeyBody(Body, frozen=True):
    name: Text
    role: Role
    expires_at: Moment | None = None
    service_account_id: Annotated[str, Meta(max_length=128)] | None = None
    """Whose key it is; None: one's own."""


class ApiKey(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    role: Role
    user_id: str
    created_at: str
    expires_at: str | None
    prefix: str
    """How its secret begins."""
    last_used_at: str | None
    """As of late: within a minute or two."""
    key: str | None = None
    """The secret, in the answer to its creation only."""


class ApiKeyEndpoints:
    def __init__(self, keys: ApiKeyService) -> None:
        self._keys = keys

    async def list_api_keys(self, call: Call[ListQuery, None]) -> Items[ApiKey]:
        page = await self._keys.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_api_key(row) for row in page.items], page.next)

    async def create_api_key(self, call: Call[None, ApiKeyBody]) -> Answer:
        body = call.body
        row, secret = await self._keys.create(
            call.principal,
            body.name,
            body.role,
            body.expires_at,
            service_account=body.service_account_id,
        )
        return Answer(_api_key(row, secret), status=201, location=f"/api/v1/api-keys/{row.key_id}")

    async def delete_api_key(self, call: Call[None, None]) -> None:
        await self._keys.delete(call.principal, call.path("id"))


def _api_key(row: ApiKeyRow, secret: str | None = None) -> ApiKey:
    return ApiKey(
        id=row.key_id,
        name=row.name,
        role=row.role,
        user_id=row.user_id,
        created_at=rfc3339(row.created_at),
        expires_at=at(row.expires_at),
        prefix=row.prefix,
        last_used_at=at(row.used_at),
        key=secret,
    )
