"""The rows of users, sessions, tokens and keys."""

from datetime import datetime
from typing import Any

import asyncpg
from msgspec import Struct

import sql
from hub.accounts.revocations import Kind, Revocation
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from hub.web.principal import Role
from protocol.ids import OrgId

_Q = sql.queries("accounts")


class UserRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    user_id: str
    username: str
    display_name: str
    role: Role
    password_hash: str
    disabled: bool
    initial_password: bool
    """Somebody or something else than the user made it."""
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "UserRow":
        return cls(
            org=OrgId(row["org_id"]),
            user_id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"],
            role=row["role"],
            password_hash=row["password_hash"],
            disabled=row["disabled"],
            initial_password=row["initial_password"],
            created_at=row["created_at"],
        )


class RefreshRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    session_id: str
    user_id: str
    used: bool
    expired: bool
    ended: bool


class TicketRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    session_id: str
    user_id: str
    username: str
    role: Role
    token_expires_at: datetime


class ApiKeyRow(Struct, frozen=True, kw_only=True):
    key_id: str
    user_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def from_row(cls, row: Row) -> "ApiKeyRow":
        return cls(
            key_id=row["key_id"],
            user_id=row["user_id"],
            name=row["name"],
            role=row["role"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
        )


class AccountStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Keys and settings

    async def signing_keys(self, connection: Connection) -> list[tuple[str, bytes]]:
        rows = await connection.fetch(_Q["signing_keys"])
        return [(row["kid"], row["private_key"]) for row in rows]

    async def add_signing_key(self, connection: Connection, kid: str, raw: bytes) -> None:
        await connection.execute(_Q["add_signing_key"], kid, raw)

    async def retire_signing_keys(
        self, connection: Connection, *, but: str, longest_life: float
    ) -> None:
        await connection.execute(_Q["retire_signing_keys"], but, longest_life)

    async def lock_setup(self, connection: Connection) -> None:
        await connection.execute(_Q["lock_setup"])

    async def settings(self, connection: Connection, org: OrgId) -> dict[str, Any]:
        return {row["name"]: row["value"] for row in await connection.fetch(_Q["settings"], org)}

    async def put_setting(
        self, connection: Connection, org: OrgId, name: str, value: object
    ) -> None:
        await connection.execute(_Q["put_setting"], org, name, value)

    # Users

    async def count_users(self, connection: Connection, org: OrgId) -> int:
        return int(await connection.fetchval(_Q["count_users"], org))

    async def other_admins(self, connection: Connection, org: OrgId, user_id: str) -> int:
        return int(await connection.fetchval(_Q["count_admins"], org, user_id))

    async def add_user(self, connection: Connection, user: UserRow) -> UserRow:
        """Raises `Conflict` when the name is taken."""
        try:
            row = await connection.fetchrow(
                _Q["add_user"],
                user.org,
                user.user_id,
                user.username,
                user.display_name,
                user.role,
                user.password_hash,
                user.initial_password,
            )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"there is a user named {user.username}") from None
        return UserRow.from_row(_one(row))

    async def user_by_name(self, org: OrgId, username: str) -> UserRow | None:
        row = await self.database.fetchrow(_Q["user_by_name"], org, username)
        return None if row is None else UserRow.from_row(row)

    async def user_by_id(self, org: OrgId, user_id: str) -> UserRow | None:
        row = await self.database.fetchrow(_Q["user_by_id"], org, user_id)
        return None if row is None else UserRow.from_row(row)

    async def lock_user(self, connection: Connection, org: OrgId, user_id: str) -> UserRow | None:
        row = await connection.fetchrow(_Q["lock_user"], org, user_id)
        return None if row is None else UserRow.from_row(row)

    async def list_users(
        self, org: OrgId, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[UserRow]:
        rows = await self.database.fetch(_Q["list_users"], org, *(before or (None, None)), limit)
        return [UserRow.from_row(row) for row in rows]

    async def update_user(self, connection: Connection, user: UserRow) -> UserRow:
        row = await connection.fetchrow(
            _Q["update_user"],
            user.org,
            user.user_id,
            user.display_name,
            user.role,
            user.disabled,
            user.password_hash,
            user.initial_password,
        )
        return UserRow.from_row(_one(row))

    async def delete_user(self, connection: Connection, org: OrgId, user_id: str) -> None:
        await connection.execute(_Q["delete_user"], org, user_id)

    async def preferences(self, org: OrgId, user_id: str) -> dict[str, Any]:
        return await self.database.fetchval(_Q["preferences"], org, user_id) or {}

    async def put_preferences(self, org: OrgId, user_id: str, wanted: dict[str, Any]) -> None:
        await self.database.execute(_Q["put_preferences"], org, user_id, wanted)

    # Signing in

    async def login_failures(self, org: OrgId, username: str, address: str) -> tuple[int, int]:
        """Failed logins of the last minute: (of this name, from this address)."""
        row = _one(await self.database.fetchrow(_Q["login_failures"], org, username, address))
        return int(row["by_name"]), int(row["by_address"])

    async def add_login_failure(self, org: OrgId, username: str, address: str) -> None:
        await self.database.execute(_Q["add_login_failure"], org, username, address)

    async def add_session(
        self, connection: Connection, user: UserRow, session_id: str, seconds: float
    ) -> None:
        await connection.execute(_Q["add_session"], user.org, session_id, user.user_id, seconds)

    async def add_refresh_token(
        self, connection: Connection, token_hash: bytes, org: OrgId, session: str, seconds: float
    ) -> None:
        await connection.execute(_Q["add_refresh_token"], token_hash, org, session, seconds)

    async def lock_refresh_token(
        self, connection: Connection, token_hash: bytes
    ) -> RefreshRow | None:
        row = await connection.fetchrow(_Q["lock_refresh_token"], token_hash)
        return (
            None
            if row is None
            else RefreshRow(
                org=OrgId(row["org_id"]),
                session_id=row["session_id"],
                user_id=row["user_id"],
                used=row["used"],
                expired=row["expired"],
                ended=row["ended"],
            )
        )

    async def use_refresh_token(
        self, connection: Connection, token_hash: bytes, refresh: RefreshRow, seconds: float
    ) -> None:
        await connection.execute(_Q["use_refresh_token"], token_hash)
        await connection.execute(_Q["extend_session"], refresh.org, refresh.session_id, seconds)

    async def end_session(self, connection: Connection, org: OrgId, session_id: str) -> None:
        await connection.execute(_Q["end_sessions"], org, session_id, None)

    async def end_sessions_of(self, connection: Connection, org: OrgId, user_id: str) -> None:
        await connection.execute(_Q["end_sessions"], org, None, user_id)

    async def revoke(self, connection: Connection, org: OrgId, kind: Kind, subject: str) -> None:
        await connection.execute(_Q["revoke"], org, kind, subject)

    async def revocations(self, since: datetime | None) -> list[Revocation]:
        return [
            Revocation(
                revocation_id=row["revocation_id"],
                org=OrgId(row["org_id"]),
                kind=row["kind"],
                subject=row["subject"],
                issued_before=row["issued_before"],
            )
            for row in await self.database.fetch(_Q["revocations"], since)
        ]

    async def add_ticket(
        self, ticket_hash: bytes, org: OrgId, session: str, *, seconds: float, token_expires: float
    ) -> None:
        await self.database.execute(
            _Q["add_ticket"], ticket_hash, org, session, seconds, token_expires
        )

    async def redeem_ticket(self, ticket_hash: bytes) -> TicketRow | None:
        row = await self.database.fetchrow(_Q["redeem_ticket"], ticket_hash)
        if row is None or not row["valid"]:
            return None
        return TicketRow(
            org=OrgId(row["org_id"]),
            session_id=row["session_id"],
            user_id=row["user_id"],
            username=row["username"],
            role=row["role"],
            token_expires_at=row["token_expires_at"],
        )

    # API keys

    async def add_api_key(
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
        )
        return ApiKeyRow.from_row(_one(row))

    async def api_key_by_hash(self, key_hash: bytes) -> tuple[OrgId, str, ApiKeyRow] | None:
        """(organisation, user name, key), when its user is enabled."""
        row = await self.database.fetchrow(_Q["api_key_by_hash"], key_hash)
        if row is None:
            return None
        return OrgId(row["org_id"]), row["username"], ApiKeyRow.from_row(row)

    async def list_api_keys(
        self, org: OrgId, owner: str | None, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[ApiKeyRow]:
        rows = await self.database.fetch(
            _Q["list_api_keys"], org, owner, *(before or (None, None)), limit
        )
        return [ApiKeyRow.from_row(row) for row in rows]

    async def delete_api_key(
        self, connection: Connection, org: OrgId, key_id: str, owner: str | None
    ) -> bool:
        return await connection.fetchval(_Q["delete_api_key"], org, key_id, owner) is not None

    async def delete_keys_above(
        self, connection: Connection, org: OrgId, user_id: str, roles: list[Role]
    ) -> None:
        await connection.execute(_Q["delete_keys_above"], org, user_id, roles)

    async def clean_up(self, longest_life: float) -> None:
        await self.database.execute(_Q["clean_up"], longest_life)


def _one(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
