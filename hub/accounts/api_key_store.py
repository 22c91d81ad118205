"""The rows of API keys."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.principal import Role
from protocol.ids import OrgId

_Q = sql.queries("accounts")


class KeyOwner(Struct, frozen=True):
    org: OrgId
    name: str
    is_service: bool


class ApiKeyRow(Struct, frozen=True, kw_only=True):
    key_id: str
    user_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    prefix: str
    """How its secret begins."""
    used_at: datetime | None = None
    """As of late."""

    @classmethod
    def from_row(cls, row: Row) -> "ApiKeyRow":
        return cls(
            key_id=row["key_id"],
            user_id=row["user_id"],
            name=row["name"],
            role=row["role"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            prefix=row["prefix"],
            used_at=row["used_at"],
        )


class ApiKeyStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self, connection: Connection, org: OrgId, key: ApiKeyRow, key_hash: bytes
    ) -> ApiKeyRow:
        row = await connection.fetchrow(
            _Q["add_api_key"],
            org,
            key.key_id,
            key.user_id,
            key.name,
            key.role,
            key_hash,
            key.expires_at,
            key.prefix,
        )
        return ApiKeyRow.from_row(_one(row))

    async def by_hash(self, key_hash: bytes) -> tuple[KeyOwner, ApiKeyRow] | None:
        """When its owner is enabled and it has not run out."""
        row = await self.database.fetchrow(_Q["api_key_by_hash"], key_hash)
        if row is None:
            return None
        owner = KeyOwner(OrgId(row["org_id"]), row["owner"], row["kind"] == "service")
        return owner, ApiKeyRow.from_row(row)

    async def list(
        self,
        org: OrgId,
        *,
        owner: str | None,
        key_id: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[ApiKeyRow]:
        """Of one user, or one key; None for all."""
        rows = await self.database.tenant(org).fetch(
            _Q["list_api_keys"], org, owner, key_id, *(before or (None, None)), limit
        )
        return [ApiKeyRow.from_row(row) for row in rows]

    async def used(self, keys: Sequence[tuple[OrgId, str]]) -> None:
        """(organisation, key): they were used a moment ago."""
        orgs, ids = [org for org, _ in keys], [key_id for _, key_id in keys]
        await self.database.execute(_Q["keys_used"], orgs, ids)

    async def count(self, connection: Connection, org: OrgId, user_id: str) -> int:
        return int(await connection.fetchval(_Q["count_api_keys"], org, user_id))

    async def owner(self, connection: Connection, org: OrgId, key_id: str) -> str | None:
        return await connection.fetchval(_Q["api_key_owner"], org, key_id)

    async def delete(self, connection: Connection, org: OrgId, key_id: str) -> str | None:
        """Its name; None when there was none."""
        row = await connection.fetchrow(_Q["delete_api_key"], org, key_id)
        return None if row is None else row["name"]

    async def delete_of(self, connection: Connection, org: OrgId, user_id: str) -> None:
        await connection.execute(_Q["delete_keys_of"], org, user_id)

    async def delete_everywhere(self, connection: Connection, user_id: str) -> None:
        """Each key of an account, in all its organisations."""
        for row in await connection.fetch(_Q["organisations_of"], user_id):
            await self.delete_of(connection, row["org_id"], user_id)


def _one(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
